/** test/e2e/encodings — the same requests with Envoy's headers as a map and as raw bytes, over TCP and over a Unix socket. No Kratos. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sendRaw } from './support/raw_request.ts'
import {
  type EnvoyEnvironment,
  type EnvoyEnvironmentOptions,
  startEnvoyEnvironment,
} from './support/world.ts'

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

/** How Envoy is told, and what Credence is told, where it differs from the minimal file. */
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
    let world: EnvoyEnvironment
    before(async () => {
      world = await startEnvoyEnvironment({ rules: RULES, ...options })
    })
    after(() => world.close())

    const ask = (headers: Record<string, string> = {}) => world.fetch('/open', { headers })

    test('are read, and the headers of the rule are set', async () => {
      const page = await ask({ 'x-name': 'value' })
      assert.equal(page.status, 200)
      const { headers } = page.json<Echoed>()
      assert.deepEqual([headers['x-user-id'], headers['x-seen']], ['guest', 'value'])
    })

    test('cannot be forged, in whatever case', async () => {
      const page = await ask({ 'X-USER-ID': 'root', 'x-Seen': 'root' })
      const { headers } = page.json<Echoed>()
      assert.deepEqual([headers['x-user-id'], headers['x-seen'] ?? ''], ['guest', ''])
    })

    test('with a credential make anonymous step aside: 401', async () => {
      assert.equal((await ask({ authorization: 'Basic zzz' })).status, 401)
    })

    test('named like what every object has are headers like any other (J9)', async () => {
      const page = await ask({ constructor: 'x', hasownproperty: 'y' })
      assert.equal(page.status, 200)
    })

    test('of two hosts are refused and reach nobody (J4)', async () => {
      const before = world.echo.receivedRequests.length
      const answer = await sendRaw(
        world.ports.envoy,
        'GET /open HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\nConnection: close\r\n\r\n',
      )
      assert.equal(answer.status, 400)
      assert.equal(world.echo.receivedRequests.length, before)
    })

    test('are read again after Credence was killed and came back', async () => {
      await world.killCredence()
      assert.equal((await ask()).status, 503)
      await world.startCredence()
      assert.equal((await ask()).status, 200)
    })
  })
}
