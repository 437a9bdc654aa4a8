/** demo/demo — `npm run demo`: everything on loopback, a live tour, then a page to try. `--once` ends after the tour: 0 or 1. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createBrowser, logIn } from './browser.ts'
import { openStage } from './environment.ts'
import { walkTour } from './tour.ts'
import type { Teller } from './tour_report.ts'

const once = process.argv.includes('--once')
const unknown = process.argv.slice(2).filter(one => one !== '--once')
if (unknown.length > 0) {
  console.error(`demo: unknown argument ${unknown[0]}; there is only --once`)
  process.exit(2)
}

const bold = (text: string): string => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text)
const failed: string[] = []
let stopping = false
const teller: Teller = {
  heading: text => console.log(`\n${bold(text)}`),
  doing: text => console.log(`  $ ${text}`),
  seen: text => console.log(`    ${text}`),
  check(holds, sentence) {
    // What is being taken down cannot hold any more.
    if (stopping) return
    console.log(`  ${holds ? '✓' : '✗'} ${sentence}`)
    if (!holds) failed.push(sentence)
  },
}

/** Resolves at the first Ctrl-C or its like. A second one waits for nothing: what still runs is killed. */
const told = new Promise<void>(resolve => {
  let before = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (before) process.exit(130)
      before = true
      resolve()
    })
  }
})

console.log(bold('Starting the parts (all on loopback)\n'))
process.exitCode = await run().catch((error: Error) => {
  console.error(`\ndemo: ${error.message}`)
  return 1
})

async function run(): Promise<number> {
  const opening = openStage(line => console.log(`  ${line}`))
  const stage = await Promise.race([opening, told])
  if (stage === undefined) {
    await opening.then(late => late.close())
    return 130
  }
  try {
    const walking = walkTour(stage, teller).catch((error: Error) => teller.check(false, error.message))
    if ((await Promise.race([walking.then(() => 'walked'), told])) !== 'walked') return 130
    const result = failed.length === 0 ? 'All steps held.' : `${failed.length} of the steps did not hold.`
    const logs = readdirSync(stage.folder).filter(name => name.endsWith('.log'))
    console.log(`\n${bold(result)}\nLogs: ${logs.map(name => join(stage.folder, name)).join('  ')}`)
    if (once) return failed.length === 0 ? 0 : 1
    console.log(`\nNow you: open ${bold(`${stage.origin}/admin`)}`)
    console.log(`Log in as ${bold(stage.user.email)} with the password ${bold(stage.user.password)}`)
    const [code] = stage.codes
    if (code !== undefined)
      console.log(`${stage.origin}/vault also wants a backup code, for instance ${bold(code)}`)
    const browser = createBrowser()
    await logIn(browser, stage.kratos, stage.user)
    const cookie = browser.cookie('ory_kratos_session')
    console.log(`Without a browser: curl -b ory_kratos_session=${cookie} ${stage.origin}/admin`)
    console.log(
      `News of an ended session (docs/sessions.md): POST ${stage.revocations.url}, X-Revocation-Key: ${stage.revocations.key}`,
    )
    console.log('Ctrl-C ends everything.')
    await told
    return failed.length === 0 ? 0 : 1
  } finally {
    stopping = true
    console.log('\nStopping …')
    await stage.close()
  }
}
