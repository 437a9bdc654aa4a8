import assert from 'node:assert/strict'
import test from 'node:test'
import type { Allow, Deny } from '../../src/access/decision.ts'
import { logWarning } from '../../src/app/events.ts'
import { createDecisionRecorder } from '../../src/telemetry/access_log.ts'
import { createDecisionPrivacy, type DecisionPrivacyOptions } from '../../src/telemetry/decision_privacy.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { requestWith } from '../support/request.ts'

const SECRET = 'ory_st_verysecret'

async function openLog() {
  let text = ''
  const stream = {
    write: (line: string) => {
      text += line
    },
  }
  const options = { level: 'info', format: 'json', name: 'credence', version: '1', wall: Date.now } as const
  return { log: await createLog({ ...options, stream }), text: () => text }
}

async function lineOf(
  decision: Deny,
  options: Partial<DecisionPrivacyOptions> = {},
): Promise<{ lines: Record<string, unknown>[]; text: string }> {
  const { log, text } = await openLog()
  const record = createDecisionRecorder({
    log,
    recordMetrics: () => {},
    traceId: () => 't1',
    now: () => 12.5,
    privacy: createDecisionPrivacy({
      where: 'path',
      maskedPaths: [],
      who: 'subject',
      hashKey: 'k',
      ...options,
    }),
    allowedRatio: 1,
    random: Math.random,
  })
  const request = {
    ...requestWith(
      [
        ['cookie', `s=${SECRET}`],
        ['authorization', SECRET],
      ],
      {
        query: `token=${SECRET}`,
        scheme: 'https',
        authority: 'app.example.com',
        path: '/orders/17',
        remoteAddress: '192.0.2.7',
      },
    ),
    requestId: 'r1',
  }
  record(decision, request, 10)
  return {
    text: text(),
    lines: text()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
  }
}

const denied = (cause?: unknown): Deny => ({
  kind: 'deny',
  status: 401,
  headers: [],
  body: '',
  metadata: {
    rule: 'admin',
    authenticator: 'cookie_session',
    refusedBy: 'cookie_session',
    code: 'credential_rejected',
    reason: 'no',
    errorHandler: 'json',
    revision: 'f21446d36a4bd15b',
    subject: 'user-1',
    cause,
    annotations: { cache: 'miss' },
  },
})

test('a decision is one line without any secret of the request', async () => {
  const { lines, text } = await lineOf(denied())
  assert.equal(lines.length, 1)
  const {
    level,
    time,
    msg,
    service_name: _name,
    service_version: _version,
    ...rest
  } = lines[0] as Record<string, unknown>
  assert.deepEqual([level, typeof time, msg], ['info', 'string', 'Access request denied'])
  assert.deepEqual(rest, {
    rule: 'admin',
    decision: 'deny',
    status: 401,
    code: 'credential_rejected',
    reason: 'no',
    revision: 'f21446d36a4bd15b',
    authenticator: 'cookie_session',
    refused_by: 'cookie_session',
    error_handler: 'json',
    cache: 'miss',
    duration_ms: 2.5,
    method: 'GET',
    scheme: 'https',
    host: 'app.example.com',
    path: '/orders/17',
    subject: 'user-1',
    client: '192.0.2.7',
    request_id: 'r1',
    trace_id: 't1',
  })
  assert.ok(!text.includes(SECRET))
})

test('settings decide what a line shows of the URL and the person', async () => {
  const shown = async (options: Partial<DecisionPrivacyOptions>) => {
    const { scheme, host, path, subject, client } = (await lineOf(denied(), options)).lines[0] ?? {}
    return { scheme, host, path, subject, client }
  }
  assert.deepEqual(await shown({ where: 'none', who: 'none' }), {
    scheme: '',
    host: '',
    path: '',
    subject: '',
    client: '',
  })
  const masked = await shown({ maskedPaths: ['/orders/'], who: 'hash' })
  assert.equal(masked.path, '/orders/…')
  assert.match(String(masked.subject), /^[0-9a-f]{16}$/)
  assert.notEqual(masked.subject, masked.client)
})

test('of allows only the configured fraction is logged, of denials all', async () => {
  const { log, text } = await openLog()
  let next = 0
  const record = createDecisionRecorder({
    log,
    recordMetrics: () => {},
    traceId: () => '',
    now: () => 0,
    privacy: createDecisionPrivacy({ where: 'path', maskedPaths: [], who: 'subject', hashKey: 'k' }),
    allowedRatio: 0.25,
    random: () => next++ / 8,
  })
  const allowed: Allow = {
    kind: 'allow',
    headers: [],
    remove: [],
    responseHeaders: [],
    metadata: { ...denied().metadata, code: 'ok' },
  }
  for (let i = 0; i < 8; i++) record(allowed, undefined, 0)
  record(denied(), undefined, 0)
  const decisions = text()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).decision)
  assert.deepEqual(decisions, ['allow', 'allow', 'deny'])
})

test('a config problem has the same text in the log as in `validate`', async () => {
  const { log, text } = await openLog()
  const place = { source: 'rules.yml', line: 3, column: 7, path: 'match.url' }
  log.event('error', {
    event: 'config_problem',
    severity: 'error',
    ...place,
    message: 'no such thing',
    hint: 'leave it',
  })
  const { msg, hint } = JSON.parse(text())
  assert.equal(msg, 'rules.yml:3:7: error: match.url: no such thing (leave it)')
  assert.equal(hint, 'leave it')
  logWarning(log, 'jwks', 'cannot be fetched')
  assert.match(text(), /"msg":"jwks: warning: cannot be fetched"/)
})

test('an unexpected error is logged by class and stack, never by message', async () => {
  for (const words of [SECRET, `one line\n${SECRET}`, `one line\n    at ${SECRET}`, '']) {
    const { text } = await lineOf(denied(new TypeError(words)))
    assert.match(text, /"error":"TypeError","stack":"at .*access_log\.test\.ts/)
    assert.ok(!text.includes(SECRET))
  }
})

for (const format of ['json', 'text', 'json_pretty'] as const) {
  test(`the log opens on standard output as ${format}, and closing removes its listeners`, async () => {
    const options = { level: 'fatal', format, name: 'credence', version: '1', wall: Date.now } as const
    const waiting = async () => {
      const log = await createLog(options)
      log.event('info', { event: 'ready' })
      const during = process.listenerCount('exit')
      log.close()
      return during - process.listenerCount('exit')
    }
    assert.equal(await waiting(), 1, 'lines are flushed when the process exits')
    const before = process.listenerCount('exit')
    await waiting()
    assert.equal(process.listenerCount('exit'), before)
  })
}
