/** Tests of TLS between a real Envoy and Credence: with and without client certificates, and renewal without a restart. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { connect as connectHttp2, type SecureClientSessionOptions } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import {
  type CertificateAuthority,
  createCertificateAuthority,
  skipWithoutOpenssl,
} from '../../support/certificates.ts'
import { skipWithoutTls } from '../../support/engine.ts'
import { waitUntil } from '../../support/wait_until.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'

const skip = skipWithoutTls === false ? skipWithoutOpenssl : skipWithoutTls
if (skip !== false) process.stderr.write(`tests: skipping TLS with Envoy: ${skip}\n`)

const RULES = `
- id: all
  match: { url: "http://127.0.0.1:10000/<.*>", methods: [GET] }
  authenticators: [ { handler: anonymous } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
`

/** Four workers of Envoy connect over TLS, as in docs/operations.md. `live` is the certificate of Credence. */
function startTlsEnvironment(authority: CertificateAuthority, mutual: boolean): Promise<EnvoyEnvironment> {
  const [key, cert, ca] = ['live.key', 'live.pem', 'ca.pem'].map(name => authority.file(name))
  const clientCa = mutual ? `, client_ca: { path: "${ca}" }` : ''
  const clientCertificate = mutual
    ? `
          tls_certificates:
          - certificate_chain: { filename: ${authority.file('edge.pem')} }
            private_key: { filename: ${authority.file('edge.key')} }`
    : ''
  return startEnvoyEnvironment({
    rules: RULES,
    concurrency: 4,
    editCredence: yaml =>
      yaml.replace(
        /^( *grpc: \{ .*?) \}$/m,
        `$1, tls: { key: { path: "${key}" }, cert: { path: "${cert}" }${clientCa} } }`,
      ),
    editEnvoy: yaml =>
      yaml.replace(
        /^ {2}- name: credence$/m,
        `$&
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: credence.test
        common_tls_context:${clientCertificate}
          validation_context:
            trusted_ca: { filename: ${ca} }
            match_typed_subject_alt_names:
            - { san_type: DNS, matcher: { exact: credence.test } }`,
      ),
  })
}

async function assertAllowed(environment: EnvoyEnvironment): Promise<void> {
  const page = await environment.fetch('/page')
  assert.equal(page.status, 200, page.body)
  assert.equal(page.json<{ headers: Record<string, string> }>().headers['x-user-id'], 'guest')
}

/** Requests at once, each on a connection of its own, so that several workers connect. */
async function assertAllAllowed(environment: EnvoyEnvironment): Promise<void> {
  await Promise.all(Array.from({ length: 40 }, () => assertAllowed(environment)))
}

/** Resolves to the HTTP status, or to `undefined` when the connection ends without a response. */
function statusOf(url: string, options: SecureClientSessionOptions): Promise<number | undefined> {
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

describe('Envoy over mutual TLS', { skip, timeout: 60_000 }, () => {
  let folder = ''
  let authority: CertificateAuthority
  let environment: EnvoyEnvironment

  /** Replaces the certificate and the key of Credence. */
  const install = (name: string) => {
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
    install('one')
    environment = await startTlsEnvironment(authority, true)
  })
  after(async () => {
    await environment?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('requests through Envoy are allowed', () => assertAllAllowed(environment))

  test('a client without a certificate of the authority receives no response', async () => {
    const address = `127.0.0.1:${environment.ports.credence}`
    const ca = authority.read('ca.pem')
    const options = { ca, servername: 'credence.test' }
    const [cert, key] = [authority.read('edge.pem'), authority.read('edge.key')]
    assert.equal(
      await statusOf(`https://${address}`, { ...options, cert, key }),
      415,
      'accepted, but the request is no gRPC',
    )
    assert.equal(await statusOf(`https://${address}`, options), undefined)
    assert.equal(await statusOf(`http://${address}`, {}), undefined)
    await assertAllowed(environment)
  })

  /** Resolves to the common name of the certificate that Credence presents to a new connection. */
  async function presentedName(): Promise<string> {
    const socket = connectTls({
      port: environment.ports.credence,
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

  test('a renewed certificate is used without a restart, and no request fails', async () => {
    assert.equal(await presentedName(), 'one')
    install('two')
    const isRenewed = async () => {
      await assertAllowed(environment)
      return (await presentedName()) === 'two'
    }
    await waitUntil('the new certificate is used', isRenewed, { timeoutMs: 20_000 })
    await assertAllowed(environment)
    const isLogged = () =>
      environment.logRecords().some(record => record.event === 'tls' && record.state === 'renewed')
    await waitUntil('the renewal is logged', isLogged)
  })
})

describe('Envoy over TLS without a client certificate', { skip, timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'credence-tls-'))
  const authority = skip === false ? createCertificateAuthority(folder) : undefined
  let environment: EnvoyEnvironment | undefined
  after(async () => {
    await environment?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('requests through Envoy are allowed, and none without TLS', async () => {
    assert.ok(authority !== undefined)
    authority.issue('live', '/CN=live', 'DNS:credence.test')
    environment = await startTlsEnvironment(authority, false)
    await assertAllAllowed(environment)
    const address = `127.0.0.1:${environment.ports.credence}`
    const ca = authority.read('ca.pem')
    assert.equal(await statusOf(`https://${address}`, { ca, servername: 'credence.test' }), 415)
    assert.equal(await statusOf(`http://${address}`, {}), undefined)
  })
})
