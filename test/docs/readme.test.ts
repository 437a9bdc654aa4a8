/** Tests the rule, the configuration, the commands and the paths that README shows. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadConfig } from '../../src/app/config.ts'
import type { Send } from '../../src/clients/http/message.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { ruleSettings } from '../../src/rules/settings.ts'
import { createCheckHarness, statusOf } from '../support/check_harness.ts'
import { IDENTITY_ID, sessionDocument } from '../support/kratos.ts'

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('README.md', root), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, block]) => block as string)
const [rules = '', config = ''] = blocks

test('the rule has ten lines at most and is valid with the configuration', async () => {
  assert.match(rules, /^- id: /)
  assert.ok(rules.trim().split('\n').length <= 10)
  const loaded = loadConfig(
    { files: [{ source: 'credence.yaml', text: config }], env: {}, flags: new Map() },
    HANDLERS,
  )
  assert.deepEqual(loaded.issues, [])
  assert.deepEqual(loaded.config?.get(ruleSettings.repositories), ['file://./rules.yaml'])
  const harness = await createCheckHarness({ config, rules })
  assert.deepEqual(harness.issues, [])
})

test('the rule decides as its comments say', async () => {
  const calls: string[] = []
  const send: Send = async ({ method, url, headers }) => {
    calls.push(`${method} ${url} ${headers.map(([, value]) => value).join()}`)
    const body = JSON.stringify({ ...sessionDocument(), expires_at: '2099-01-01T00:00:00Z' })
    return { kind: 'answered', status: 200, headers: [], body }
  }
  const harness = await createCheckHarness({ config, rules, send })
  const check = (path: string, headers: Record<string, string> = {}) =>
    harness.send({ method: 'GET', scheme: 'https', host: 'app.example.com', path, headers })
  const anonymous = await check('/admin', { accept: 'text/html' })
  assert.equal(statusOf(anonymous), 401)
  assert.equal(JSON.parse(anonymous.denied_response?.body ?? '').error.code, 401, 'a denial is JSON')
  assert.deepEqual(calls, [])
  const cookie = { cookie: 'ory_kratos_session=s', 'x-user-id': 'root' }
  const loggedIn = await check('/admin/users?x=1', cookie)
  assert.deepEqual(
    loggedIn.ok_response?.headers?.map(({ header }) => [header.key, header.value]),
    [['x-user-id', IDENTITY_ID]],
  )
  assert.deepEqual(calls, ['GET http://kratos:4433/sessions/whoami application/json,ory_kratos_session=s'])
  assert.equal(statusOf(await check('/admin', cookie)), 200)
  assert.equal(calls.length, 1, 'the session is cached')
  assert.equal(statusOf(await check('/administrators', cookie)), 404)
})

test('every file and script that README names exists', () => {
  const scripts = Object.keys(JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).scripts)
  for (const [, script = ''] of text.matchAll(/npm run ([a-z:]+)/g))
    assert.ok(scripts.includes(script), script)
  for (const [, path = ''] of text.matchAll(/\]\(([^)#:]+)\)/g))
    assert.ok(existsSync(new URL(path, root)), path)
  for (const [path] of text.matchAll(/\b(?:envoy|scripts|bin)\/[\w./-]+\w/g))
    assert.ok(existsSync(new URL(path, root)), path)
})
