/** Secrets are planted in every part of requests and upstream responses; none may reach the log, spans, metrics or denials. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { trace } from '@opentelemetry/api'
import { NodeSDK, tracing } from '@opentelemetry/sdk-node'
import { handlerTracing } from '../src/app/ruleset.ts'
import type { HttpFailure, HttpResponse, Send } from '../src/clients/http/message.ts'
import type { HandlerKind } from '../src/handlers/handler.ts'
import { HANDLERS } from '../src/handlers/registry.ts'
import { createInstruments } from '../src/telemetry/instruments.ts'
import type { Metrics } from '../src/telemetry/metrics.ts'
import { traceChecks, traceSend } from '../src/telemetry/spans.ts'
import type { HttpFields, Response } from './envoy/reference_codec.ts'
import { createCheckHarness } from './support/check_harness.ts'
import { realClock } from './support/clock.ts'
import { signTestToken, testKey } from './support/jwks_host.ts'
import { IDENTITY_ID, SESSION_ID } from './support/kratos.ts'
import { openMetrics } from './support/metrics.ts'

/** One secret for each place, so that a leak names its source. */
const PLANTED_SECRETS = Object.fromEntries(
  ['cookie', 'token', 'query', 'body', 'trait', 'answer', 'password', 'secret', 'header', 'subject'].map(
    place => [place, `planted-${place}-7f3a`],
  ),
) as Readonly<Record<string, string>>

const key = testKey('RSA', { kid: 'k', alg: 'RS256', use: 'sig' })
const inlineKeySet = `inline://${Buffer.from(JSON.stringify({ keys: [key.private] })).toString('base64')}`
const claims = {
  sub: PLANTED_SECRETS.subject,
  exp: 4_000_000_000,
  iss: 'https://id.example/',
  scope: 'orders',
  pii: PLANTED_SECRETS.trait,
}
const jwt = signTestToken({ alg: 'RS256', kid: 'k' }, claims, key.signingKey)

/** Configurations of the handlers, which contain the operator's planted secrets. */
const HANDLER_CONFIGS: Readonly<Record<string, object>> = {
  jwt: { jwks_urls: [inlineKeySet], required_scope: ['orders'], scope_strategy: 'exact' },
  oauth2_introspection: {
    introspection_url: 'http://upstream/introspect',
    pre_authorization: {
      enabled: true,
      client_id: 'us',
      client_secret: PLANTED_SECRETS.secret,
      token_url: 'http://upstream/token',
    },
  },
  oauth2_client_credentials: { token_url: 'http://upstream/token' },
  cookie_session: { check_session_url: 'http://upstream/sessions/whoami', only: ['ory_kratos_session'] },
  bearer_token: {
    check_session_url: `http://us:${PLANTED_SECRETS.secret}@upstream/check?k=${PLANTED_SECRETS.secret}`,
  },
  remote: { remote: 'http://upstream/remote', headers: { 'X-Who': '{{ .Subject }}' } },
  remote_json: { remote: 'http://upstream/remote', payload: '{"who": {{ toJson .Extra }} }' },
  keto_engine_acp_ory: {
    base_url: 'http://upstream/keto/',
    required_action: 'read',
    required_resource: '{{ .Subject }}',
  },
  hydrator: {
    api: {
      url: 'http://upstream/hydrate',
      auth: { basic: { username: 'us', password: PLANTED_SECRETS.secret } },
      retry: { give_up_after: '10ms', max_delay: '1ms' },
    },
  },
  id_token: {
    issuer_url: 'https://gateway.example/',
    jwks_url: inlineKeySet,
    claims: '{"pii": {{ toJson .Extra }} }',
  },
  header: { headers: { 'X-Who': '{{ .Subject }}', 'X-All': '{{ toJson .Extra }}' } },
  cookie: { cookies: { who: '{{ .Subject }}' } },
  redirect: { to: 'https://auth.example/login' },
  json: { verbose: true },
}
const SECTIONS = {
  authenticator: 'authenticators',
  authorizer: 'authorizers',
  mutator: 'mutators',
  error: 'handlers',
}

function config(): string {
  const sections: Record<string, Record<string, object>> = {}
  for (const { kind, id } of HANDLERS) {
    const own = HANDLER_CONFIGS[id] === undefined ? {} : { config: HANDLER_CONFIGS[id] }
    sections[SECTIONS[kind]] = { ...sections[SECTIONS[kind]], [id]: { enabled: true, ...own } }
  }
  const { handlers, ...rest } = sections
  return JSON.stringify({ ...rest, errors: { fallback: ['json'], handlers } })
}

interface HandlerReference {
  readonly handler: string
  readonly config?: object
}
/** Templates that fail, so that their errors could quote their input. */
const FAILING_TEMPLATES = [
  '{{ mustRegexMatch .Subject "x" }}',
  '{{ semver .Subject }}',
  '{{ mustToDate "2006" .Subject }}',
  '{{ urlParse (printf "http://[%s" .Subject) }}',
  '{{ mustFromJson .Subject }}',
  '{{ index .Subject 99 }}',
  '{{ .Subject.Nothing }}',
  '{{ printf "%s\\r\\nx: y" .Subject }}',
]

const rule = (id: string, parts: Partial<Record<HandlerKind, HandlerReference>>): object => ({
  id,
  match: { url: `<https?>://app.example.com/${id}<(?:/.*)?>`, methods: ['GET', 'POST'] },
  authenticators: [parts.authenticator ?? { handler: 'cookie_session' }],
  authorizer: parts.authorizer ?? { handler: 'allow' },
  mutators: [parts.mutator ?? { handler: 'noop' }],
  errors: [parts.error ?? { handler: 'json' }],
})
const RULES = [
  ...HANDLERS.map(({ kind, id }) => rule(`${kind}-${id}`, { [kind]: { handler: id } })),
  ...FAILING_TEMPLATES.map((template, i) =>
    rule(`failing-template-${i}`, {
      authenticator: { handler: 'jwt' },
      mutator: { handler: 'header', config: { headers: { 'X-Bad': template } } },
    }),
  ),
]

const session = {
  id: SESSION_ID,
  active: true,
  expires_at: '2099-01-01T00:00:00Z',
  authenticated_at: '2026-11-22T04:00:00Z',
  identity: { id: IDENTITY_ID, state: 'active', traits: { email: PLANTED_SECRETS.trait } },
}
const GOOD_BODIES: Readonly<Record<string, object>> = {
  '/sessions/whoami': session,
  '/check': { subject: PLANTED_SECRETS.subject, extra: { pii: PLANTED_SECRETS.trait } },
  '/introspect': { active: true, sub: PLANTED_SECRETS.subject, ext: { pii: PLANTED_SECRETS.trait } },
  '/token': { access_token: PLANTED_SECRETS.token, token_type: 'bearer', expires_in: 60 },
  '/hydrate': {
    subject: PLANTED_SECRETS.subject,
    extra: { pii: PLANTED_SECRETS.trait },
    header: {},
    match_context: {},
  },
  '/remote': {},
}

/** How upstream services respond. Every response contains a secret. */
const UPSTREAM_BEHAVIORS: Readonly<Record<string, (path: string) => HttpResponse | HttpFailure>> = {
  healthy: path => answer(200, JSON.stringify({ ...GOOD_BODIES[path], note: PLANTED_SECRETS.answer })),
  broken: () => answer(500, `trace: ${PLANTED_SECRETS.answer}`),
  refusing: () => answer(401, PLANTED_SECRETS.answer as string),
  forbidding: () => answer(403, PLANTED_SECRETS.answer as string),
  limiting: () => answer(429, PLANTED_SECRETS.answer as string),
  malformed: () => answer(200, `{"active": "${PLANTED_SECRETS.answer}", "sub": [`),
  unreachable: () => ({ kind: 'failed', cause: 'connect', message: 'upstream: no connection' }),
}
const answer = (status: number, body: string): HttpResponse => ({
  kind: 'answered',
  status,
  headers: [
    ['x-secret', PLANTED_SECRETS.answer as string],
    ['set-cookie', `ory_kratos_session=${PLANTED_SECRETS.answer}`],
  ],
  body,
})

const CREDENTIALS: readonly Readonly<Record<string, string>>[] = [
  { cookie: `ory_kratos_session=${PLANTED_SECRETS.cookie}` },
  {
    cookie: `ory_kratos_session=${PLANTED_SECRETS.cookie}; ory_kratos_session=other-${PLANTED_SECRETS.cookie}`,
  },
  { authorization: `Bearer ${PLANTED_SECRETS.token}` },
  { authorization: `Bearer ${jwt}` },
  { authorization: `Bearer ${jwt.slice(0, -4)}AAAA` },
  { authorization: `Basic ${Buffer.from(`us:${PLANTED_SECRETS.password}`).toString('base64')}` },
  {},
]

let metrics: Metrics
let address = ''
const spans = new tracing.InMemorySpanExporter()
const sdk = new NodeSDK({
  spanProcessors: [new tracing.SimpleSpanProcessor(spans)],
  instrumentations: [],
  autoDetectResources: false,
})
before(async () => {
  sdk.start()
  metrics = await openMetrics()
  address = await metrics.listen()
})
after(async () => {
  await metrics.stop()
  await sdk.shutdown()
})

test('no secret of a request, of an upstream response or of the configuration leaks (I1, I3)', async () => {
  const tracer = trace.getTracer('credence')
  const observed = {
    rules: () => 0,
    configProblems: () => ({ errors: 0, warnings: 0 }),
    checksInProgress: () => 4,
    eventLoopDelay: { max: 3e9, percentile: (p: number) => p * 1e7, reset: () => {} },
    ready: () => true,
    lastReload: () => undefined,
    sources: () => ({ fresh: 0, stale: 0, missing: 0 }),
    sessions: () =>
      ({
        cached: 0,
        cachedBytes: 0,
        circuitBreaker: 'closed',
        inFlight: 0,
        pending: 0,
        maxStaleness: 0,
      }) as const,
    revocationStream: () => undefined,
  }
  const instruments = createInstruments(
    metrics,
    { prefix: '', hideRequestPaths: false },
    observed,
    realClock.now,
  )
  let behavior = UPSTREAM_BEHAVIORS.healthy as (path: string) => HttpResponse | HttpFailure
  const upstream: Send = async ({ url }) => behavior(new URL(url).pathname)
  const harness = await createCheckHarness({
    config: config(),
    rules: JSON.stringify(RULES),
    send: traceSend(tracer, instruments.instrumentSend(upstream)),
    traced: handlerTracing({ tracer, stop: async () => {} }),
    withSpan: traceChecks(tracer),
    recordMetrics: instruments.recordCheck,
  })
  const shown: string[] = [JSON.stringify(harness.issues)]
  const seen = new Map<string, number>()
  for (const next of Object.values(UPSTREAM_BEHAVIORS)) {
    behavior = next
    for (const { id } of RULES as readonly { id: string }[]) {
      for (const headers of CREDENTIALS) {
        const response = await harness.send(requestFor(id, headers))
        seen.set(response.http_response ?? '', (seen.get(response.http_response ?? '') ?? 0) + 1)
        shown.push(denialText(response))
      }
    }
  }
  await harness.send({ ...requestFor('no-rule', {}), path: `/no%where?${PLANTED_SECRETS.query}` })
  assert.ok(
    (seen.get('ok_response') ?? 0) > 50 && (seen.get('denied_response') ?? 0) > 500,
    JSON.stringify([...seen]),
  )

  const codes = new Set(harness.decisions.map(({ metadata }) => metadata.code))
  for (const code of [
    'ok',
    'template',
    'credential_rejected',
    'unavailable',
    'bad_answer',
    'rate_limited',
  ] as const) {
    assert.ok(codes.has(code), `no decision has the code ${code}`)
  }

  const finished = spans.getFinishedSpans()
  const places: Readonly<Record<string, string>> = {
    log: withoutSubjects(harness.log()),
    spans: JSON.stringify(
      finished.map(({ name, attributes, events, status, links }) => [
        name,
        attributes,
        events,
        status,
        links,
      ]),
    ),
    metrics: await (await fetch(`http://${address}/metrics`)).text(),
    denials: shown.join('\n'),
    errors: harness.errors.map(String).join('\n'),
  }
  assert.ok(finished.length > 1_000)
  assert.match(places.metrics ?? '', /credence_outgoing_requests_total\{/)
  const secrets = [
    ...Object.values(PLANTED_SECRETS),
    jwt,
    Buffer.from(`us:${PLANTED_SECRETS.password}`).toString('base64'),
  ]
  for (const [place, text] of Object.entries(places)) {
    for (const secret of secrets) {
      const at = text.indexOf(secret)
      assert.equal(at, -1, `${secret} in ${place}: ${text.slice(Math.max(0, at - 200), at + 100)}`)
    }
  }
})

/** The log without the field that shows the subject, as Oathkeeper's log does; `log.decisions.who` hides it. */
const withoutSubjects = (log: string): string =>
  log
    .trim()
    .split('\n')
    .map(line => JSON.stringify({ ...JSON.parse(line), subject: '' }))
    .join('\n')

const requestFor = (id: string, headers: Readonly<Record<string, string>>): HttpFields => ({
  method: 'POST',
  path: `/${id}/x?access_token=${PLANTED_SECRETS.query}`,
  headers: { ...headers, 'x-anything': PLANTED_SECRETS.header as string },
  body: JSON.stringify({ password: PLANTED_SECRETS.body }),
})

/** What the client gets of a denial. A renewed cookie is the client's own, and is sent on an allow only. */
const denialText = ({ denied_response: denied }: Response): string =>
  denied === undefined || denied === null
    ? ''
    : `${denied.body ?? ''} ${(denied.headers ?? []).map(({ header }) => `${header.key}: ${header.value}`).join('\n')}`
