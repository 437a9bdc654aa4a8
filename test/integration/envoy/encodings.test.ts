/** Tests that Credence reads the headers that Envoy sends as a map and as raw bytes, over TCP and over a Unix socket. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  type EnvoyEnvironment,
  type EnvoyEnvironmentOptions,
  startEnvoyEnvironment,
} from './support/environment.ts'
import { sendRaw } from './support/raw_request.ts'

const RULES = `
- id: open
  match: { url: "<https?>://<[^/]+>/open<.*>", methods: [GET] }
  authenticators: [ { handler: anonymous } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}", X-Seen: '{{ .MatchContext.Header.Get "X-Name" }}' } } } ]
`

const folder = mkdtempSync(join(tmpdir(), 'credence-socket-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const socket = join(folder, 'check.sock')

/** Changes of the two configurations by encoding. */
const ENCODINGS: Readonly<Record<string, Partial<EnvoyEnvironmentOptions>>> = {
  'as a map, over TCP': {},
  'as raw bytes, over a Unix socket': {
    editCredence: yaml => yaml.replace(/grpc: \{.*\}/, `grpc: { socket: "${socket}" }`),
    editEnvoy: yaml =>
      yaml
        .replace(/^( *)failure_mode_allow:/m, '$1encode_raw_headers: true\n$&')
        .replace(
          /(load_assignment:\n\s+cluster_name: credence\n[\s\S]*?address: )\{ socket_address: \{[^}]*\} \}/,
          `$1{ pipe: { path: "${socket}" } }`,
        ),
  },
}

interface Echoed {
  readonly headers: Readonly<Record<string, string>>
}

for (const [form, options] of Object.entries(ENCODINGS)) {
  describe(`headers ${form}`, () => {
    let environment: EnvoyEnvironment
    before(async () => {
      environment = await startEnvoyEnvironment({ rules: RULES, ...options })
    })
    after(() => environment.close())

    const fetchOpen = (headers: Record<string, string> = {}) => environment.fetch('/open', { headers })

    test('are read, and the headers of the rule are set', async () => {
      const page = await fetchOpen({ 'x-name': 'value' })
      assert.equal(page.status, 200)
      const { headers } = page.json<Echoed>()
      assert.deepEqual([headers['x-user-id'], headers['x-seen']], ['guest', 'value'])
    })

    test('of identity cannot be forged, in any case', async () => {
      const page = await fetchOpen({ 'X-USER-ID': 'root', 'x-Seen': 'root' })
      const { headers } = page.json<Echoed>()
      assert.deepEqual([headers['x-user-id'], headers['x-seen'] ?? ''], ['guest', ''])
    })

    test('with a credential are 401, because anonymous does not apply', async () => {
      assert.equal((await fetchOpen({ authorization: 'Basic zzz' })).status, 401)
    })

    test('named like members of Object.prototype are headers like any other (J9)', async () => {
      const page = await fetchOpen({ constructor: 'x', hasownproperty: 'y' })
      assert.equal(page.status, 200)
    })

    test('with two hosts are 400 and reach no upstream (J4)', async () => {
      const before = environment.echo.receivedRequests.length
      const response = await sendRaw(
        environment.ports.envoy,
        'GET /open HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\nConnection: close\r\n\r\n',
      )
      assert.equal(response.status, 400)
      assert.equal(environment.echo.receivedRequests.length, before)
    })

    test('are read again after a crash and restart of Credence', async () => {
      await environment.killCredence()
      assert.equal((await fetchOpen()).status, 503)
      await environment.startCredence()
      assert.equal((await fetchOpen()).status, 200)
    })
  })
}
