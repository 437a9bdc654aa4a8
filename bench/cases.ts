/** The servers that the groups compare: two that do nothing, and Credence with a cached session and one header. */
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process'
import type { BenchmarkCase } from './compare.ts'
import { INVALID_COOKIE_PREFIX } from './fake_kratos.ts'
import { IDENTITY_ID, sessionCheck, sessionConfig, sessionRules } from './rules_and_checks.ts'
import {
  type CredenceServerOptions,
  startCredenceServer,
  startGoServer,
  startReferenceServer,
} from './servers.ts'

/** A server that allows everything, on grpc-js and proto-loader. */
export const NOOP: BenchmarkCase = {
  name: 'no-op, grpc-js',
  start: () => startReferenceServer('noop_server'),
  workload: { messages: [sessionCheck(10).toString('base64')], expected: 'guest' },
}

/** A server that allows everything, on grpc-go and go-control-plane; none where it cannot be built, with a line that says so. */
export function goNoop(): readonly BenchmarkCase[] {
  const script = new URL('../scripts/go_tools.js', import.meta.url).pathname
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }
    const program = execFileSync(process.execPath, [script, 'noop_server'], options).trim()
    return [{ ...NOOP, name: 'no-op, grpc-go', start: () => startGoServer(program) }]
  } catch {
    console.log('\nSkipped the no-op on grpc-go: the message above says why it cannot be built.')
    return []
  }
}

/** Credence's transport alone: an engine that returns fixed bytes. */
export const engineCase = (engine: 'native' | 'grpc-js'): BenchmarkCase => ({
  ...NOOP,
  name: `engine ${engine} alone, bytes in and out`,
  start: () => startReferenceServer('engine_server', engine),
})

interface CredenceCaseOptions extends Pick<CredenceServerOptions, 'engine'> {
  readonly name?: string
  /** Sections of the configuration to add. */
  readonly config?: object
}

export function credenceCase(
  count: number,
  { name = `Credence, ${count.toLocaleString('en')} rules`, engine, config = {} }: CredenceCaseOptions = {},
): BenchmarkCase {
  return {
    name,
    start: kratos =>
      startCredenceServer({
        rules: sessionRules(count),
        config: { ...sessionConfig(kratos.whoami), ...config },
        ...(engine === undefined ? {} : { engine }),
      }),
    workload: { messages: [sessionCheck(count).toString('base64')], expected: IDENTITY_ID },
    denied: {
      message: sessionCheck(count, INVALID_COOKIE_PREFIX).toString('base64'),
      expected: 'Unauthorized',
    },
  }
}
