/** `tail`, `status` and `revoke` against a running service, and the admin API under them. */
import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { startApp } from '../../src/app/app.ts'
import { runCli } from '../../src/cli/program.ts'
import { tail } from '../../src/cli/tail.ts'
import { engineEnv } from '../support/engine.ts'
import { waitUntil } from '../support/wait_until.ts'

const SECRET = 'planted-secret-7f3a'
const rule = (id: string, authorizer: string): string => `- id: ${id}
  match: {url: "http://<[^/]+>/${id}<.*>", methods: [GET]}
  authenticators: [{handler: noop}]
  authorizer: {handler: ${authorizer}}
  mutators: [{handler: noop}]
`

async function startService(t: TestContext, admin = 'enabled: true') {
  const folder = mkdtempSync(join(tmpdir(), 'credence-admin-'))
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, `${name}.new`), text)
    renameSync(join(folder, `${name}.new`), join(folder, name))
  }
  write('rules.yaml', rule('open', 'allow') + rule('closed', 'deny'))
  write(
    'credence.yaml',
    `serve:
  grpc: {host: 127.0.0.1, port: 0}
  prometheus: {host: 127.0.0.1, port: 0}
  api: {host: 127.0.0.1, port: 0, decisions: true, admin: {${admin}}}
access_rules: {repositories: ["${folder}/rules.yaml"]}
authenticators: {noop: {enabled: true}}
authorizers: {allow: {enabled: true}, deny: {enabled: true}}
mutators: {noop: {enabled: true}}
`,
  )
  const app = await startApp({
    configFiles: [join(folder, 'credence.yaml')],
    flags: new Map(),
    env: { ...engineEnv, LOG_LEVEL: 'fatal' },
  })
  t.after(async () => {
    await app.close()
    rmSync(folder, { recursive: true })
  })
  const server = `http://${app.api}`
  return {
    server,
    write,
    ask: (path: string, id: string) =>
      fetch(`${server}/decisions${path}?token=${SECRET}`, {
        headers: { 'x-request-id': id, authorization: `Bearer ${SECRET}`, cookie: `s=${SECRET}` },
      }),
    get: async (path: string, headers: Readonly<Record<string, string>> = {}) => {
      const response = await fetch(`${server}/admin/v1${path}`, { headers })
      const text = await response.text()
      assert.ok(!text.includes(SECRET))
      return { status: response.status, body: JSON.parse(text) }
    },
    run: async (...args: string[]) => {
      let out = ''
      let err = ''
      const streams = {
        out: (text: string) => {
          out += text
        },
        err: (text: string) => {
          err += text
        },
        env: {},
      }
      const code = await runCli([...args, '--server', server], streams)
      return { code, out, err }
    },
  }
}

test('decisions are listed, filtered, paged and found by their request id', async t => {
  const service = await startService(t)
  await service.ask('/closed/1', 'r-1')
  await service.ask('/closed/2', 'r-2')
  await service.ask('/nowhere', 'r-3')
  const ids = async (query: string) =>
    (await service.get(`/decisions${query}`)).body.decisions.map(
      (one: { request_id: string }) => one.request_id,
    )
  assert.deepEqual(await ids(''), ['r-3', 'r-2', 'r-1'])
  assert.deepEqual(await ids('?rule=closed&path=*1'), ['r-1'])
  assert.deepEqual(await ids('?code=no_rule'), ['r-3'])
  const first = (await service.get('/decisions?limit=2')).body
  assert.deepEqual(await ids(`?before=${first.next_before}`), ['r-1'])
  const { body } = await service.get('/decisions/r-2')
  assert.deepEqual(
    [body.status, body.code, body.rule, body.path, body.refused_by],
    [403, 'forbidden', 'closed', '/closed/2', 'deny'],
  )
  assert.equal((await service.get('/decisions/none')).status, 404)
  assert.equal((await service.get('/decisions?ruel=closed')).status, 400, 'a misspelt filter')
  assert.equal((await service.get('/elsewhere')).status, 404)
})

test('tail prints what is decided from now on, with filters, and continues with the events of a reload', async t => {
  const service = await startService(t)
  await service.ask('/closed/before', 'r-0')
  const follow = (filter: Readonly<Record<string, string>>, format: 'text' | 'json') => {
    const stop = new AbortController()
    t.after(() => stop.abort())
    const lines: string[] = []
    let err = ''
    const ended = tail(
      { server: service.server, format, filter, signal: stop.signal },
      {
        out: text => void lines.push(text),
        err: text => {
          err += text
        },
        env: {},
      },
    )
    return { lines, err: () => err, end: () => stop.abort(), ended }
  }
  const all = follow({}, 'json')
  const denied = follow({ decision: 'deny' }, 'text')
  await waitUntil('both follow', () => all.err() !== '' && denied.err() !== '')
  await service.ask('/open/1', 'r-1')
  await service.ask('/closed/1', 'r-2')
  service.write('rules.yaml', rule('open', 'allow') + rule('new', 'deny'))
  await waitUntil('the reload arrives', () => all.lines.some(line => line.includes('"type":"reload"')))
  await waitUntil('the denial arrives', () => denied.lines.length > 0)
  const events = all.lines.map(line => JSON.parse(line))
  assert.deepEqual(
    events.slice(0, 2).map(({ type, request_id, decision }) => [type, request_id, decision]),
    [
      ['decision', 'r-1', 'allow'],
      ['decision', 'r-2', 'deny'],
    ],
  )
  assert.deepEqual(events.find(({ type }) => type === 'reload').changes, ['+new', '-closed'])
  assert.match(denied.lines[0] ?? '', /^[\d:.]{12} {2}403 forbidden +GET +\S+\/closed\/1 +closed +deny /)
  assert.equal(denied.lines.length, 1)
  assert.ok(![...all.lines, ...denied.lines].join('').includes(SECRET))
  for (const one of [all, denied]) one.end()
  assert.deepEqual([await all.ended, await denied.ended], [0, 0])
})

test('status says that all is well, or what to look at', async t => {
  const service = await startService(t)
  const well = await service.run('status')
  assert.equal(well.code, 0, well.out)
  assert.match(well.out, /^All is well\.\n[\s\S]*rules +2, revision [0-9a-f]{16}, 0 errors/)
  service.write('rules.yaml', '- id: [')
  await waitUntil('the broken file is noticed', async () => (await service.run('status')).code === 3)
  const troubled = await service.run('status')
  assert.match(troubled.out, /To look at:\n {2}- The rule repository .*rules\.yaml is stale/)
  assert.match(troubled.out, /last reload +partial/)
  const json = JSON.parse((await service.run('status', '--format', 'json')).out)
  assert.equal(json.attention.length > 0, true)
})

test('revoke needs one target, and says what follows', async t => {
  const service = await startService(t)
  const id = '7c1a8f5e-3b5c-4f5e-9d5a-0a1b2c3d4e5f'
  const revoked = await service.run('revoke', '--identity', id)
  assert.deepEqual([revoked.code, revoked.out.startsWith('Revoked.')], [0, true])
  const { body } = await service.get('/decisions')
  assert.deepEqual(body.decisions, [])
  assert.equal((await service.run('revoke')).code, 2)
  assert.equal((await service.run('revoke', '--identity', id, '--everything')).code, 2)
  const wrong = await service.run('revoke', '--identity', 'nobody')
  assert.equal(wrong.code, 5)
  assert.match(wrong.err, /answered 400: Send/)
})

test('a service that does not answer, or does not serve the admin API, is named with what to do', async t => {
  const closed = await startService(t, 'enabled: false')
  const refused = await closed.run('status')
  assert.equal(refused.code, 5)
  assert.match(refused.err, /answered 404: .*serve\.api\.admin\.enabled: true/)
  assert.equal((await closed.run('tail')).code, 5)
  const streams = { out: () => {}, err: () => {}, env: {} }
  assert.equal(await runCli(['status', '--server', 'http://127.0.0.1:1'], streams), 5)
  assert.equal(await runCli(['status', '--server', 'nothing'], streams), 5)
})

test('with a key configured, calls need it', async t => {
  const key = 'a-key-of-more-than-24-characters'
  const service = await startService(t, `enabled: true, keys: [${key}]`)
  assert.equal((await service.get('/status')).status, 401)
  assert.equal((await service.get('/status', { authorization: `Bearer ${key}` })).status, 200)
  assert.equal(
    (await service.get('/status', { authorization: `Bearer ${key}`, origin: 'https://e' })).status,
    403,
  )
  assert.match((await service.run('status')).err, /Set CREDENCE_ADMIN_KEY/)
  const streams = { out: () => {}, err: () => {}, env: { CREDENCE_ADMIN_KEY: key } }
  assert.equal(await runCli(['status', '--server', service.server], streams), 0)
})
