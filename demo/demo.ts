/** demo/demo — `npm run demo`: everything on loopback, a live tour, then a page to try. `--once` ends after the tour: 0 or 1. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createBrowser, logIn } from './browser.ts'
import { startDemoEnvironment } from './environment.ts'
import { runTour } from './tour.ts'
import type { TourReporter } from './tour_report.ts'

const once = process.argv.includes('--once')
const unknown = process.argv.slice(2).filter(one => one !== '--once')
if (unknown.length > 0) {
  console.error(`demo: unknown argument ${unknown[0]}; there is only --once`)
  process.exit(2)
}

const bold = (text: string): string => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text)
const failedChecks: string[] = []
let stopping = false
const reporter: TourReporter = {
  heading: text => console.log(`\n${bold(text)}`),
  command: text => console.log(`  $ ${text}`),
  output: text => console.log(`    ${text}`),
  check(holds, sentence) {
    // What is being taken down cannot hold any more.
    if (stopping) return
    console.log(`  ${holds ? '✓' : '✗'} ${sentence}`)
    if (!holds) failedChecks.push(sentence)
  },
}

/** Resolves at the first Ctrl-C or its like. A second one waits for nothing: what still runs is killed. */
const stopRequested = new Promise<void>(resolve => {
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
process.exitCode = await runDemo().catch((error: Error) => {
  console.error(`\ndemo: ${error.message}`)
  return 1
})

async function runDemo(): Promise<number> {
  const starting = startDemoEnvironment(line => console.log(`  ${line}`))
  const environment = await Promise.race([starting, stopRequested])
  if (environment === undefined) {
    await starting.then(started => started.close())
    return 130
  }
  try {
    const tour = runTour(environment, reporter).catch((error: Error) => reporter.check(false, error.message))
    if ((await Promise.race([tour.then(() => 'walked'), stopRequested])) !== 'walked') return 130
    const result =
      failedChecks.length === 0 ? 'All steps held.' : `${failedChecks.length} of the steps did not hold.`
    const logs = readdirSync(environment.folder).filter(name => name.endsWith('.log'))
    console.log(`\n${bold(result)}\nLogs: ${logs.map(name => join(environment.folder, name)).join('  ')}`)
    if (once) return failedChecks.length === 0 ? 0 : 1
    console.log(`\nNow you: open ${bold(`${environment.origin}/admin`)}`)
    console.log(
      `Log in as ${bold(environment.user.email)} with the password ${bold(environment.user.password)}`,
    )
    const [code] = environment.backupCodes
    if (code !== undefined)
      console.log(`${environment.origin}/vault also wants a backup code, for instance ${bold(code)}`)
    const browser = createBrowser()
    await logIn(browser, environment.kratos, environment.user)
    const cookie = browser.cookie('ory_kratos_session')
    console.log(`Without a browser: curl -b ory_kratos_session=${cookie} ${environment.origin}/admin`)
    console.log(
      `News of an ended session (docs/sessions.md): POST ${environment.revocations.url}, X-Revocation-Key: ${environment.revocations.key}`,
    )
    console.log('Ctrl-C ends everything.')
    await stopRequested
    return failedChecks.length === 0 ? 0 : 1
  } finally {
    stopping = true
    console.log('\nStopping …')
    await environment.close()
  }
}
