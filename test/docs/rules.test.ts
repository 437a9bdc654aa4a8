/** Every example of docs/rules.md compiles without a diagnostic, and every request of its tables gets the answer shown there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import type { Send } from '../../src/clients/http/message.ts'
import { parseYaml } from '../../src/documents/yaml.ts'
import { deepMerge } from '../../src/lib/merge.ts'
import { createCheckHarness, statusOf } from '../support/check_harness.ts'

const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8')

const CONFIG = {
  authenticators: {
    anonymous: { enabled: true },
    cookie_session: {
      enabled: true,
      config: {
        check_session_url: 'http://kratos:4433/sessions/whoami',
        only: ['ory_kratos_session'],
        subject_from: 'identity.traits.username',
      },
    },
  },
  authorizers: { allow: { enabled: true }, deny: { enabled: true } },
  mutators: { noop: { enabled: true }, header: { enabled: true, config: { headers: {} } } },
  errors: {
    handlers: {
      json: { enabled: true },
      redirect: { enabled: true, config: { to: 'https://login.example.com/' } },
    },
  },
}

/** Kratos has one session, whose cookie is `alice`. */
const send: Send = async ({ headers }) => {
  const cookie = headers.find(([name]) => name.toLowerCase() === 'cookie')?.[1] ?? ''
  const session = {
    id: '7458af86-c1d8-401c-978a-8da89133f78b',
    active: true,
    expires_at: '2999-01-01T00:00:00Z',
    authenticated_at: '2026-11-22T04:00:00Z',
    authenticator_assurance_level: 'aal1',
    identity: {
      id: '90b31539-08ba-45b1-a5fc-5de840f19d7e',
      state: 'active',
      traits: { username: 'alice' },
    },
  }
  return cookie.includes('=alice')
    ? { kind: 'answered', status: 200, headers: [], body: JSON.stringify(session) }
    : { kind: 'answered', status: 401, headers: [], body: '{}' }
}

interface Example {
  readonly heading: string
  readonly config: object
  readonly rules: string
  readonly rows: readonly (readonly string[])[]
}

/** A block with a list is an example of rules; a block with a map before it, under the same heading, is its configuration. */
function examplesOf(text: string): Example[] {
  return text.split(/^#+ /m).flatMap(section => {
    const heading = section.split('\n', 1)[0] ?? ''
    let config: object = {}
    return [...section.matchAll(/```yaml\n(.*?)```\n(.*?)(?=```|$)/gs)].flatMap(
      ([, block = '', after = '']) => {
        const document = parseYaml(block, 'rules')
        assert.equal(document.kind, 'document', `${heading}: ${block}`)
        const value = document.kind === 'document' ? document.value : undefined
        if (!Array.isArray(value)) {
          config = value as object
          return []
        }
        const rows = [...after.matchAll(/^\| (`[A-Z]+ .*) \|$/gm)].map(([, row = '']) => row.split(' | '))
        return [{ heading, config, rules: block, rows }]
      },
    )
  })
}

const codeOf = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
const headerOf = (code: string): readonly [name: string, value: string] => {
  const [name = '', value = ''] = code.split(/:\s*(.*)/s)
  return [name, value]
}

const examples = examplesOf(page)
for (const { heading, config, rules, rows } of examples) {
  test(`${heading}: the example answers as the page shows`, async () => {
    const merged = deepMerge(CONFIG, config as Parameters<typeof deepMerge>[1])
    const harness = await createCheckHarness({ config: JSON.stringify(merged), rules, send })
    // A notice says that Oathkeeper rejects the rule.
    assert.deepEqual(
      harness.issues.filter(({ severity }) => severity !== 'notice'),
      [],
    )
    assert.ok(rows.length > 0, 'an example without requests')
    for (const [request = '', status = '', headers = ''] of rows) {
      const [line = '', ...sent] = codeOf(request)
      const [, method = '', scheme = '', host = '', path = ''] =
        /^(\S+) (\w+):\/\/([^/]*)(.*)$/.exec(line) ?? []
      const response = await harness.send({
        method,
        scheme,
        host,
        path,
        headers: { ':authority': host, ':path': path, ...Object.fromEntries(sent.map(headerOf)) },
      })
      assert.equal(String(statusOf(response)), status.trim().replace(/ \|$/, ''), request)
      const received = new Map(sent.map(headerOf))
      for (const { header } of response.ok_response?.headers ?? [])
        received.set(header.key, header.value ?? '')
      for (const name of response.ok_response?.headers_to_remove ?? []) received.delete(name)
      for (const [name, value] of codeOf(headers).map(headerOf)) {
        assert.equal(received.get(name) ?? '', value, `${request}: ${name}`)
      }
    }
  })
}

test('no example of the page is skipped', () => {
  assert.equal(examples.length, page.match(/^```yaml\n- /gm)?.length)
})
