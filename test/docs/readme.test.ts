/** test/docs/readme — what README shows works: its rule and its configuration decide, its commands are there. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadConfig } from '../../src/app/config.ts'
import type { Send } from '../../src/clients/http/message.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { createCheckHarness, statusOf } from '../support/check_harness.ts'
import { IDENTITY_ID, sessionDocument } from '../support/kratos.ts'

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('README.md', root), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, block]) => block as string)
const [rules = '', config = ''] = blocks

test('the rule has ten lines at most, and with the configuration it is one without a fault', async () => {
  assert.match(rules, /^- id: /)
  assert.ok(rules.trim().split('\n').length <= 10)
  const loaded = loadConfig(
    { files: [{ source: 'credence.yaml', text: config }], env: {}, flags: new Map() },
    HANDLERS,
  )
  assert.deepEqual(loaded.issues, [])
  assert.deepEqual(loaded.config?.list('access_rules.repositories'), ['file://./rules.yaml'])
  const house = await createCheckHarness({ config, rules })
  assert.deepEqual(house.issues, [])
})

test('it does what its comments say', async () => {
  const asked: string[] = []
  const send: Send = async ({ method, url, headers }) => {
    asked.push(`${method} ${url} ${headers.map(([, value]) => value).join()}`)
    const body = JSON.stringify({ ...sessionDocument(), expires_at: '2099-01-01T00:00:00Z' })
    return { kind: 'answered', status: 200, headers: [], body }
  }
  const house = await createCheckHarness({ config, rules, send })
  const ask = (path: string, headers: Record<string, string> = {}) =>
    house.send({ method: 'GET', scheme: 'https', host: 'app.example.com', path, headers })
  const nobody = await ask('/admin', { accept: 'text/html' })
  assert.equal(statusOf(nobody), 401)
  assert.equal(JSON.parse(nobody.denied_response?.body ?? '').error.code, 401, 'a refusal is JSON')
  assert.deepEqual(asked, [])
  const cookie = { cookie: 'ory_kratos_session=s', 'x-user-id': 'root' }
  const somebody = await ask('/admin/users?x=1', cookie)
  assert.deepEqual(
    somebody.ok_response?.headers?.map(({ header }) => [header.key, header.value]),
    [['x-user-id', IDENTITY_ID]],
  )
  assert.deepEqual(asked, ['GET http://kratos:4433/sessions/whoami application/json,ory_kratos_session=s'])
  assert.equal(statusOf(await ask('/admin', cookie)), 200)
  assert.equal(asked.length, 1, 'asked once, remembered')
  assert.equal(statusOf(await ask('/administrators', cookie)), 404)
})

test('every file, script and setting that README names is there', () => {
  const scripts = Object.keys(JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).scripts)
  for (const [, script = ''] of text.matchAll(/npm run ([a-z:]+)/g))
    assert.ok(scripts.includes(script), script)
  for (const [, path = ''] of text.matchAll(/\]\(([^)#:]+)\)/g))
    assert.ok(existsSync(new URL(path, root)), path)
  for (const [path] of text.matchAll(/\b(?:envoy|scripts|bin)\/[\w./-]+\w/g))
    assert.ok(existsSync(new URL(path, root)), path)
})
