/** test/e2e/encodings — the same requests with Envoy's headers as a map and as raw bytes. No Kratos. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sendRaw } from './support/raw_request.ts'
import { openWorld, type World } from './support/world.ts'

const RULES = `
- id: open
  match: { url: "<https?>://<[^/]+>/open<.*>", methods: [GET] }
  authenticators: [ { handler: anonymous } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}", X-Seen: '{{ .MatchContext.Header.Get "X-Name" }}' } } } ]
`

const FORMS = {
  'as a map': (yaml: string) => yaml.replace(/encode_raw_headers: true/, 'encode_raw_headers: false'),
  'as raw bytes': (yaml: string) =>
    /encode_raw_headers/.test(yaml)
      ? yaml
      : yaml.replace(
          /failure_mode_allow: false/,
          'failure_mode_allow: false\n              encode_raw_headers: true',
        ),
}

interface Echoed {
  readonly headers: Readonly<Record<string, string>>
}

for (const [form, editEnvoy] of Object.entries(FORMS)) {
  describe(`headers ${form}`, () => {
    let world: World
    before(async () => {
      world = await openWorld({ rules: RULES, kratos: 'none', editEnvoy })
    })
    after(() => world.close())

    const ask = (headers: Record<string, string> = {}) => world.ask('/open', { headers })

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
      const before = world.echo.arrived.length
      const answer = await sendRaw(
        world.ports.envoy,
        'GET /open HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\nConnection: close\r\n\r\n',
      )
      assert.equal(answer.status, 400)
      assert.equal(world.echo.arrived.length, before)
    })
  })
}
