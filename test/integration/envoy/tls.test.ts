/** test/e2e/tls — a real Envoy asks over mutual TLS: who has no certificate gets nowhere, and a renewed one takes over. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { connect as connectHttp2, type SecureClientSessionOptions } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import {
  type CertificateAuthority,
  createCertificateAuthority,
  skipWithoutOpenssl,
} from '../../support/certificates.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/world.ts'

if (skipWithoutOpenssl !== false)
  process.stderr.write(`tests: skipped TLS with Envoy, ${skipWithoutOpenssl}\n`)

const RULES = `
- id: all
  match: { url: "http://127.0.0.1:10000/<.*>", methods: [GET] }
  authenticators: [ { handler: anonymous } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
`

describe('Envoy over mutual TLS', { skip: skipWithoutOpenssl, timeout: 60_000 }, () => {
  let folder = ''
  let authority: CertificateAuthority
  let world: EnvoyEnvironment

  const put = (name: string) => {
    for (const ending of ['key', 'pem']) {
      copyFileSync(authority.file(`${name}.${ending}`), join(folder, 'next'))
      renameSync(join(folder, 'next'), join(folder, `live.${ending}`))
    }
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'credence-mtls-'))
    authority = createCertificateAuthority(folder)
    authority.issue('one', '/CN=one', 'DNS:credence.test')
    authority.issue('two', '/CN=two', 'DNS:credence.test')
    authority.issue('edge', '/CN=edge')
    put('one')
    const [key, cert, ca] = ['live.key', 'live.pem', 'ca.pem'].map(name => authority.file(name))
    world = await startEnvoyEnvironment({
      rules: RULES,
      editCredence: yaml =>
        yaml.replace(
          /^( *grpc: \{ .*?) \}$/m,
          `$1, tls: { key: { path: "${key}" }, cert: { path: "${cert}" }, client_ca: { path: "${ca}" } } }`,
        ),
      // The lines of docs/operations.md.
      editEnvoy: yaml =>
        yaml.replace(
          /^ {2}- name: credence$/m,
          `$&
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: credence.test
        common_tls_context:
          tls_certificates:
          - certificate_chain: { filename: ${authority.file('edge.pem')} }
            private_key: { filename: ${authority.file('edge.key')} }
          validation_context:
            trusted_ca: { filename: ${authority.file('ca.pem')} }
            match_typed_subject_alt_names:
            - { san_type: DNS, matcher: { exact: credence.test } }`,
        ),
    })
  })
  after(async () => {
    await world?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const asks = async () => {
    const page = await world.fetch('/page')
    assert.equal(page.status, 200, page.body)
    assert.equal(page.json<{ headers: Record<string, string> }>().headers['x-user-id'], 'guest')
  }

  test('Envoy asks and is answered', asks)

  /** The status of an answer, `undefined` where the connection ends without one. */
  function heard(url: string, options: SecureClientSessionOptions): Promise<number | undefined> {
    const session = connectHttp2(url, options)
    session.on('error', () => {})
    const stream = session.request({ ':method': 'POST', ':path': '/' })
    stream.on('error', () => {})
    return new Promise(resolve => {
      stream.on('response', headers => {
        resolve(headers[':status'])
        session.destroy()
      })
      stream.on('close', () => resolve(undefined))
    })
  }

  test('without a certificate of that authority nobody is heard', async () => {
    const at = `127.0.0.1:${world.ports.credence}`
    const ca = authority.read('ca.pem')
    const named = { ca, servername: 'credence.test' }
    const [cert, key] = [authority.read('edge.pem'), authority.read('edge.key')]
    assert.equal(await heard(`https://${at}`, { ...named, cert, key }), 415, 'heard, and no gRPC')
    assert.equal(await heard(`https://${at}`, named), undefined)
    assert.equal(await heard(`http://${at}`, {}), undefined)
    await asks()
  })

  /** Common name of the certificate that a new connection is shown. */
  async function shown(): Promise<string> {
    const socket = connectTls({
      port: world.ports.credence,
      host: '127.0.0.1',
      servername: 'credence.test',
      ALPNProtocols: ['h2'],
      ca: authority.read('ca.pem'),
      cert: authority.read('edge.pem'),
      key: authority.read('edge.key'),
    })
    await once(socket, 'secureConnect')
    const { subject } = socket.getPeerCertificate()
    socket.destroy()
    return String(subject.CN)
  }

  test('a renewed certificate takes over without a restart, and no request fails', async () => {
    assert.equal(await shown(), 'one')
    put('two')
    const end = Date.now() + 20_000
    while ((await shown()) !== 'two') {
      assert.ok(Date.now() < end, 'the new certificate never came')
      await asks()
      await sleep(50)
    }
    await asks()
    const told = () => world.logRecords().some(record => record.event === 'tls' && record.state === 'renewed')
    while (!told()) {
      assert.ok(Date.now() < end, 'the log never says so')
      await sleep(50)
    }
  })
})
