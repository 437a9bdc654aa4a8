/** test/fakes/house — the house from the bytes of a Check to the bytes of its answer, in this process; the world outside is one function. */
import type { Decision } from '../../src/access/decision.ts'
import type { Snapshot } from '../../src/access/snapshot.ts'
import { type Config, loadConfig } from '../../src/app/config.ts'
import { pathModeOf } from '../../src/app/options.ts'
import { compileRuleSet, UNTRACED } from '../../src/app/ruleset.ts'
import { createServices } from '../../src/app/services.ts'
import type { Send } from '../../src/clients/http/message.ts'
import type { Diagnostic } from '../../src/documents/diagnostic.ts'
import { createCheckHandler } from '../../src/envoy/check.ts'
import type { CallMetadata } from '../../src/grpc/server.ts'
import type { TraceHandler } from '../../src/handlers/builder.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import type { Services } from '../../src/handlers/services.ts'
import type { Clock, Instant } from '../../src/lib/time.ts'
import { parseRules } from '../../src/rules/parse.ts'
import { createDecisionRecorder, type RecorderDependencies } from '../../src/telemetry/access_log.ts'
import { createLog } from '../../src/telemetry/log.ts'
import type { traceChecks } from '../../src/telemetry/spans.ts'
import { decodeResponse, encodeRequest, type HttpFields, type Response } from '../envoy/reference_codec.ts'
import { realClock } from './clock.ts'

export interface CheckHarnessOptions {
  /** YAML, as a user would write it. */
  readonly config: string
  readonly rules: string
  /** Who is asked outside. Default: nobody is there. */
  readonly send?: Send
  readonly clock?: Clock
  readonly traced?: TraceHandler
  readonly withSpan?: ReturnType<typeof traceChecks>
  readonly recordMetrics?: RecorderDependencies['recordMetrics']
  /** Last word on what handlers may ask. */
  readonly services?: (services: Services) => Services
}

export interface CheckHarness {
  readonly config: Config
  readonly snapshot: Snapshot
  /** What was said of the rules at load. */
  readonly issues: readonly Diagnostic[]
  /** Oldest first. */
  readonly decisions: readonly Decision[]
  readonly errors: readonly unknown[]
  /** The log so far, one line a record. */
  log(): string
  /** Bytes in, bytes out, as the engine calls it. */
  check(request: Buffer, metadata?: Readonly<Record<string, string>>, budget?: number): Promise<Buffer>
  send(http: HttpFields): Promise<Response>
}

const unreachable: Send = async ({ target }) => ({
  kind: 'failed',
  cause: 'connect',
  message: `${target}: no connection`,
})

/** Rejects where the configuration or the set of rules cannot be used; a rule that has errors is one that answers 500. */
export async function createCheckHarness(options: CheckHarnessOptions): Promise<CheckHarness> {
  const files = [{ source: 'config.yaml', text: options.config }]
  const { config, issues } = loadConfig({ files, env: {}, flags: new Map() }, HANDLERS)
  if (config === undefined) throw new Error(`configuration: ${JSON.stringify(issues)}`)
  const clock = options.clock ?? realClock
  const send = options.send ?? unreachable
  const opened = createServices({ config, send, fetch: send, clock, onKeyProblem: () => {} }).services
  const services = options.services?.(opened) ?? opened
  const parsed = parseRules(options.rules, 'rules.yaml')
  const compiled = await compileRuleSet(config, parsed.rules ?? [], services, options.traced ?? UNTRACED, '1')
  const { snapshot } = compiled
  if (parsed.rules === undefined || snapshot === undefined) {
    throw new Error(`rules: ${JSON.stringify([...parsed.diagnostics, ...compiled.diagnostics])}`)
  }
  let text = ''
  const stream = {
    write: (line: string) => {
      text += line
    },
  }
  const log = await createLog({
    level: 'trace',
    format: 'json',
    name: 'credence',
    version: '0',
    wall: Date.now,
    stream,
  })
  const accessLog = createDecisionRecorder({
    log,
    recordMetrics: options.recordMetrics ?? (() => {}),
    traceId: () => '',
    now: clock.now,
  })
  const decisions: Decision[] = []
  const accidents: unknown[] = []
  const handler = createCheckHandler({
    snapshot: () => snapshot,
    onDecision: [decision => decisions.push(decision), accessLog],
    onError: (_where, error) => accidents.push(error),
    now: clock.now,
    paths: pathModeOf(config),
    withSpan: options.withSpan,
  })
  const check: CheckHarness['check'] = async (request, metadata = {}, budget = 5_000) => {
    const arrived = clock.now()
    const call: CallMetadata = { get: name => metadata[name] }
    return handler({ request, metadata: call, deadline: (arrived + budget) as Instant, arrived })
  }
  return {
    config,
    snapshot,
    issues: [...parsed.diagnostics, ...compiled.diagnostics],
    decisions,
    errors: accidents,
    log: () => text,
    check,
    send: async http => decodeResponse(await check(encodeRequest(http))),
  }
}

/** Of an answer: allowed or not, and the status that the client sees. */
export const statusOf = (response: Response): number =>
  (response.status?.code ?? 0) === 0 ? 200 : (response.denied_response?.status?.code ?? 403)
