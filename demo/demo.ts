/** `npm run demo` starts everything on loopback, shows a live tour and then serves a page to try; `--once` stops after the tour. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createBrowser, logIn } from './browser.ts'
import { startDemoEnvironment } from './environment.ts'
import type { TourReporter } from './tour/reporter.ts'
import { runTour } from './tour/tour.ts'

const once = process.argv.includes('--once')
const unknown = process.argv.slice(2).filter(argument => argument !== '--once')
if (unknown.length > 0) {
  console.error(`demo: unknown argument ${unknown[0]}. Use --once, or no argument.`)
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
    // Once the environment is closing, failing steps say nothing about Credence.
    if (stopping) return
    console.log(`  ${holds ? '✓' : '✗'} ${sentence}`)
    if (!holds) failedChecks.push(sentence)
  },
}

/** Resolves on the first signal. A second signal exits at once, and the exit handler kills the processes. */
const stopRequested = new Promise<void>(resolve => {
  let signalled = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (signalled) process.exit(130)
      signalled = true
      resolve()
    })
  }
})

console.log(bold('Starting the components (all on loopback)\n'))
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
    if ((await Promise.race([tour.then(() => 'finished'), stopRequested])) !== 'finished') return 130
    const result = failedChecks.length === 0 ? 'All checks passed.' : `${failedChecks.length} checks failed.`
    const logs = readdirSync(environment.folder).filter(name => name.endsWith('.log'))
    console.log(`\n${bold(result)}\nLogs: ${logs.map(name => join(environment.folder, name)).join('  ')}`)
    if (once) return failedChecks.length === 0 ? 0 : 1
    console.log(`\nTry it: open ${bold(`${environment.origin}/admin`)}`)
    console.log(
      `Log in as ${bold(environment.user.email)} with the password ${bold(environment.user.password)}`,
    )
    const [code] = environment.backupCodes
    if (code !== undefined)
      console.log(`${environment.origin}/vault also requires a backup code, for example ${bold(code)}`)
    const browser = createBrowser()
    await logIn(browser, environment.kratos, environment.user)
    const cookie = browser.cookie('ory_kratos_session')
    console.log(`Without a browser: curl -b ory_kratos_session=${cookie} ${environment.origin}/admin`)
    console.log(
      `Revoke a session (docs/sessions.md): POST ${environment.revocations.url}, X-Revocation-Key: ${environment.revocations.key}`,
    )
    console.log('Press Ctrl-C to stop.')
    await stopRequested
    return failedChecks.length === 0 ? 0 : 1
  } finally {
    stopping = true
    console.log('\nStopping …')
    await environment.close()
  }
}
