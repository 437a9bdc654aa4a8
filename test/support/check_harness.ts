/** Runs Checks in this process, from the bytes of the request to those of the response. One function replaces all other services. */
import type { Decision } from '../../src/access/decision.ts'
import type { Snapshot } from '../../src/access/snapshot.ts'
import { type Config, loadConfig } from '../../src/app/config.ts'
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
import { pathMode } from '../../src/rules/settings.ts'
import { createDecisionRecorder, type RecorderDependencies } from '../../src/telemetry/access_log.ts'
import { createDecisionPrivacy } from '../../src/telemetry/decision_privacy.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { decisionPrivacyOptions } from '../../src/telemetry/settings.ts'
import type { traceChecks } from '../../src/telemetry/spans.ts'
import { decodeResponse, encodeRequest, type HttpFields, type Response } from '../envoy/reference_codec.ts'
import { realClock } from './clock.ts'

export interface CheckHarnessOptions {
  /** YAML, as in a file of an operator. */
  readonly config: string
  readonly rules: string
  /** Replaces all outbound calls. Default: no service can be reached. */
  readonly send?: Send
  readonly clock?: Clock
  readonly traced?: TraceHandler
  readonly withSpan?: ReturnType<typeof traceChecks>
  readonly recordMetrics?: RecorderDependencies['recordMetrics']
  /** Wraps the services that handlers get. */
  readonly services?: (services: Services) => Services
}

export interface CheckHarness {
  readonly config: Config
  readonly snapshot: Snapshot
  /** Diagnostics of the rules. */
  readonly issues: readonly Diagnostic[]
  /** Oldest first. */
  readonly decisions: readonly Decision[]
  /** Unexpected errors that the Check handler reported. */
  readonly errors: readonly unknown[]
  /** The log so far, one record a line. */
  log(): string
  /** Handles a Check as a gRPC engine does; `timeoutMs` stands for `grpc-timeout`. */
  check(request: Buffer, metadata?: Readonly<Record<string, string>>, timeoutMs?: number): Promise<Buffer>
  /** Encodes the request, handles it and decodes the response. */
  send(http: HttpFields): Promise<Response>
}

const unreachable: Send = async ({ target }) => ({
  kind: 'failed',
  cause: 'connect',
  message: `${target}: no connection`,
})

/**
 * Rejects where the configuration or the rule set is invalid. A rule with errors is compiled to one that
 * denies with 500.
 */
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
    privacy: createDecisionPrivacy(decisionPrivacyOptions(config)),
    allowedRatio: 1,
    random: Math.random,
  })
  const decisions: Decision[] = []
  const errors: unknown[] = []
  const handler = createCheckHandler({
    snapshot: () => snapshot,
    onDecision: [decision => decisions.push(decision), accessLog],
    onError: (_where, error) => errors.push(error),
    overload: { overloaded: false, inProgress: 0 },
    now: clock.now,
    paths: pathMode(config),
    withSpan: options.withSpan,
    showSubject: subject => subject,
  })
  const check: CheckHarness['check'] = async (request, metadata = {}, timeoutMs = 5_000) => {
    const arrived = clock.now()
    const call: CallMetadata = { get: name => metadata[name] }
    return handler({ request, metadata: call, deadline: (arrived + timeoutMs) as Instant, arrived })
  }
  return {
    config,
    snapshot,
    issues: [...parsed.diagnostics, ...compiled.diagnostics, ...(await compiled.lint())],
    decisions,
    errors,
    log: () => text,
    check,
    send: async http => decodeResponse(await check(encodeRequest(http))),
  }
}

/** The HTTP status that the client gets: 200 for an allow. */
export const statusOf = (response: Response): number =>
  (response.status?.code ?? 0) === 0 ? 200 : (response.denied_response?.status?.code ?? 403)
