/** The whole service over its own sockets: what is reloaded, when, and what happens to requests meanwhile. */
import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type App, startApp } from '../../src/app/app.ts'
import type { Diagnostic } from '../../src/documents/diagnostic.ts'
import type { SourceState } from '../../src/rules/repositories/sources.ts'
import { createCertificateAuthority, skipWithoutOpenssl } from '../support/certificates.ts'
import { engineEnv } from '../support/engine.ts'
import { startHttpHost } from '../support/http_host.ts'
import { waitUntil } from '../support/wait_until.ts'

interface Status {
  readonly revision: string
  readonly rules: number
  readonly sources: readonly SourceState[]
  readonly problems: readonly Diagnostic[]
}

const PORTS = `
  grpc: {host: 127.0.0.1, port: 0}
  prometheus: {host: 127.0.0.1, port: 0}
  api: {host: 127.0.0.1, port: 0, decisions: true}`
const HANDLERS = `
authenticators: {anonymous: {enabled: true}}
authorizers: {allow: {enabled: true}, deny: {enabled: true}, remote: {enabled: true}}
mutators: {noop: {enabled: true}}
`
const rule = (path: string, authorizer: object = { handler: 'allow' }) => ({
  id: path,
  match: { url: `http://<[^/]+>${path}`, methods: ['GET'] },
  authenticators: [{ handler: 'anonymous' }],
  authorizer,
  mutators: [{ handler: 'noop' }],
})
const rulesText = (...paths: string[]): string => JSON.stringify(paths.map(path => rule(path)))

async function startService(t: TestContext, config: string) {
  const folder = mkdtempSync(join(tmpdir(), 'credence-app-'))
  const file = join(folder, 'credence.yaml')
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, `${name}.new`), text)
    renameSync(join(folder, `${name}.new`), join(folder, name))
  }
  write('credence.yaml', config.replaceAll('FOLDER', folder))
  write('rules.json', rulesText('/a'))
  let started: App | undefined
  t.after(async () => {
    await started?.close()
    rmSync(folder, { recursive: true })
  })
  const env = { ...engineEnv, LOG_LEVEL: 'fatal' }
  const app = await startApp({ configFiles: [file], flags: new Map(), env })
  started = app
  return {
    api: `http://${app.api}`,
    write: (name: string, text: string) => write(name, text.replaceAll('FOLDER', folder)),
    status: async () => (await (await fetch(`http://${app.api}/status`)).json()) as Status,
    ask: async (path: string) => (await fetch(`http://${app.api}/decisions${path}`)).status,
  }
}

const configText = (repository: string, more = ''): string =>
  `serve:${PORTS}\naccess_rules: {repositories: ["${repository}"]${more}}\n${HANDLERS}`

test('a remote repository is polled with conditional requests and keeps its rules while its host fails', async t => {
  const stored = { status: 200, etag: '"1"', body: rulesText('/a') }
  const asked: (string | undefined)[] = []
  const host = await startHttpHost((request, response) => {
    asked.push(request.headers['if-none-match'])
    if (stored.status !== 200) return response.writeHead(stored.status).end()
    if (request.headers['if-none-match'] === stored.etag) return response.writeHead(304).end()
    return response.writeHead(200, { etag: stored.etag }).end(stored.body)
  })
  t.after(() => host.close())
  const service = await startService(t, configText(`${host.url}/rules.json`, ', poll_interval: 1s'))
  const { revision } = await service.status()
  await waitUntil('the repository is polled', async () => asked.length >= 2)
  assert.deepEqual(asked.slice(0, 2), [undefined, '"1"'])
  assert.equal((await service.status()).revision, revision)

  Object.assign(stored, { etag: '"2"', body: rulesText('/b') })
  await waitUntil('/b is allowed', async () => (await service.ask('/b')) === 200)
  assert.equal(await service.ask('/a'), 404)

  stored.status = 503
  await waitUntil(
    'the repository is stale',
    async () => (await service.status()).sources[0]?.state === 'stale',
  )
  const { sources, problems } = await service.status()
  assert.deepEqual([sources[0]?.rules, sources[0]?.fault], [1, 'answered 503'])
  assert.match(problems[0]?.message ?? '', /answered 503; its previous rules stay in force/)
  assert.equal(await service.ask('/b'), 200)
})

test('with access_rules.required, a rule set without a valid rule is not ready', async t => {
  const service = await startService(t, configText('file://FOLDER/rules.json', ', required: true'))
  const health = async () => (await fetch(`${service.api}/health/ready`)).status
  assert.deepEqual([await service.ask('/a'), await health()], [200, 200])
  service.write('rules.json', '[]')
  await waitUntil('/a is answered with 503', async () => (await service.ask('/a')) === 503)
  assert.equal(await health(), 503)
  const { problems } = await service.status()
  assert.deepEqual(
    problems.map(one => `${one.severity} ${one.path} ${one.line}: ${one.message}`),
    ['error access_rules.required 5: there is no valid rule: every request is answered with 503'],
  )
  service.write('rules.json', JSON.stringify([rule('/a', { handler: 'unknown' })]))
  await waitUntil('the rule with an error is loaded', async () => (await service.status()).rules === 1)
  assert.equal(await service.ask('/a'), 503, 'a rule with an error is not valid')
  service.write('rules.json', rulesText('/b'))
  await waitUntil('/b is allowed', async () => (await service.ask('/b')) === 200)
  assert.equal(await health(), 200)
  assert.deepEqual((await service.status()).problems, [])
})

test('without it, a rule set without rules is ready and answers every request with 404', async t => {
  const service = await startService(t, configText('file://FOLDER/rules.json'))
  service.write('rules.json', '[]')
  await waitUntil('/a is answered with 404', async () => (await service.ask('/a')) === 404)
  assert.equal((await fetch(`${service.api}/health/ready`)).status, 200)
})

test('with access_rules.fail_fast, rules that cannot be loaded stop the start, with their position', async t => {
  for (const [repository, said] of [
    [
      'file://FOLDER/none.json',
      /^the rules cannot be loaded.*none\.json.*cannot be read: the file does not exist/,
    ],
    ['inline://W3siaWQiOjF9XQ==', /^the rules cannot be loaded.*cannot decode rule 1/],
  ] as const) {
    await assert.rejects(startService(t, configText(repository, ', fail_fast: true')), (error: Error) => {
      const { diagnostics } = error as Error & { diagnostics: readonly Diagnostic[] }
      assert.match([error.message, ...diagnostics.map(one => `${one.source} ${one.message}`)].join(' '), said)
      return true
    })
  }
  const service = await startService(t, configText('file://FOLDER/none.json'))
  assert.equal(await service.ask('/a'), 503, 'without it: not ready')
})

test('with access_rules.fail_fast, rules that cannot be loaded later do not stop the service', async t => {
  const service = await startService(t, configText('file://FOLDER/rules.json', ', fail_fast: true'))
  service.write('rules.json', '[{"id": 1}]')
  await waitUntil(
    'the repository is stale',
    async () => (await service.status()).sources[0]?.state === 'stale',
  )
  assert.equal(await service.ask('/a'), 200)
})

test('without an interval a remote repository is retried until it has been read once', async t => {
  let asked = 0
  const host = await startHttpHost((_request, response) => {
    response.writeHead(asked++ === 0 ? 500 : 200).end(rulesText('/a'))
  })
  t.after(() => host.close())
  const service = await startService(t, configText(host.url))
  assert.equal(await service.ask('/a'), 503, 'not ready')
  await waitUntil('/a is allowed', async () => (await service.ask('/a')) === 200)
  await sleep(1_500)
  assert.equal(asked, 2)
})

test('a changed configuration takes effect on reload, except for settings that need a restart: they are reported', async t => {
  const service = await startService(t, configText('file://FOLDER/rules.json'))
  assert.equal(await service.ask('/b'), 404)
  service.write('more.json', rulesText('/b'))
  service.write(
    'credence.yaml',
    `serve:${PORTS}\naccess_rules: {repositories: [FOLDER/rules.json, FOLDER/more.json]}\npaths: oathkeeper\n${HANDLERS}`,
  )
  await waitUntil('/b is allowed', async () => (await service.ask('/b')) === 200)
  const { problems, sources, rules } = await service.status()
  assert.deepEqual([rules, sources.map(one => one.kind)], [2, ['file', 'file']])
  const waiting = problems.filter(one => one.message.includes('next start'))
  assert.deepEqual(
    waiting.map(one => [one.path, one.line, one.severity]),
    [['paths', 6, 'warning']],
  )
  assert.equal(await service.ask('/x%2Fa'), 400, 'until then the previous path mode applies')
})

test('an invalid configuration changes nothing and is reported with its position', async t => {
  const service = await startService(t, configText('file://FOLDER/rules.json'))
  service.write('credence.yaml', `serve:${PORTS}\nacess_rules: {}\n`)
  await waitUntil('a problem is reported', async () => (await service.status()).problems.length > 0)
  const { problems, rules } = await service.status()
  assert.deepEqual([rules, problems[0]?.path, problems[0]?.line], [1, 'acess_rules', 5])
  assert.equal(await service.ask('/a'), 200)
})

test('a request in flight during a reload is decided by the rules with which it began', async t => {
  const waiting: ServerResponse[] = []
  const host = await startHttpHost((_request, response) => {
    waiting.push(response)
  })
  t.after(() => host.close())
  const service = await startService(t, configText('file://FOLDER/rules.json'))
  const slow = rule('/slow', { handler: 'remote', config: { remote: host.url } })
  service.write('rules.json', JSON.stringify([slow]))
  await waitUntil(
    '/slow has replaced /a',
    async () => (await service.status()).rules === 1 && (await service.ask('/a')) === 404,
  )
  const { revision } = await service.status()
  const answer = service.ask('/slow')
  await waitUntil('the authorizer is called', async () => waiting.length === 1)
  service.write('rules.json', JSON.stringify([rule('/slow', { handler: 'deny' })]))
  await waitUntil('the new rules are in force', async () => (await service.status()).revision !== revision)
  assert.equal(await service.ask('/slow'), 403)
  waiting[0]?.writeHead(200).end()
  assert.equal(await answer, 200)
})

test('the api port uses TLS if it has a certificate, and a call over TLS asks about https', {
  skip: skipWithoutOpenssl,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'credence-api-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const authority = createCertificateAuthority(folder)
  authority.issue('api', '/CN=api', 'DNS:api.test')
  const tls = `tls: {key: {path: "${authority.file('api.key')}"}, cert: {path: "${authority.file('api.pem')}"}}`
  const text = configText('file://FOLDER/rules.json').replace('decisions: true', `decisions: true, ${tls}`)
  const service = await startService(t, text)
  service.write('rules.json', rulesText('/a').replace('http://', 'https://'))
  const [host, port] = service.api.replace('http://', '').split(':')
  const ask = (path: string) =>
    new Promise<number>((resolve, reject) => {
      const options = { host, port, path, servername: 'api.test', ca: authority.read('ca.pem'), agent: false }
      get(options, response => resolve(response.resume().statusCode ?? 0)).on('error', reject)
    })
  assert.equal(await ask('/health/alive'), 200)
  await waitUntil('/a is allowed over TLS', async () => (await ask('/decisions/a')) === 200)
  await assert.rejects(fetch(`${service.api}/health/alive`))
})

test('serve.api.cors says which pages may read the api', async t => {
  const cors = 'cors: {enabled: true, allowed_origins: ["https://a.test"]}'
  const service = await startService(
    t,
    configText('file://FOLDER/rules.json').replace('decisions: true', `decisions: true, ${cors}`),
  )
  const headers = { origin: 'https://a.test', 'access-control-request-method': 'GET' }
  const preflight = await fetch(`${service.api}/rules`, { method: 'OPTIONS', headers })
  assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-methods')], [204, 'GET'])
  const seen = async (origin: string) =>
    (await fetch(`${service.api}/rules`, { headers: { origin } })).headers.get('access-control-allow-origin')
  assert.deepEqual([await seen('https://a.test'), await seen('https://b.test')], ['https://a.test', null])
})
