/**
 * Records goldens.jsonl: the bytes that a real Envoy sends for some requests.
 *
 *   node scripts/run.js test/envoy/capture_goldens.ts        (requires openssl; review the difference before you commit it)
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { findEnvoy, startEnvoy } from '../../demo/envoy.ts'
import { choosePorts, freePort } from '../../demo/ports.ts'
import { createProcessManager } from '../../demo/processes.ts'
import { createDecisionProgress } from '../../src/access/decision.ts'
import { CHECK_METHOD } from '../../src/envoy/check.ts'
import { encodeDecision } from '../../src/envoy/check_response.ts'
import { startNativeServer } from '../../src/grpc/native.ts'
import type { Instant } from '../../src/lib/time.ts'
import { addListener, envoyConfig } from '../integration/envoy/support/envoy_template.ts'
import { sendHttp2, sendRaw } from '../integration/envoy/support/raw_request.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-capture-'))
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
openssl(
  ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 -subj /O=lab/CN=carol'.split(
    ' ',
  ),
  '-addext',
  'subjectAltName=URI:spiffe://lab/carol,DNS:app.test',
)
const pem = (name: string) => JSON.stringify(readFileSync(join(folder, name), 'utf8'))

const raw = (listener: string) =>
  listener.replace(/^( *)failure_mode_allow:/m, '$1encode_raw_headers: true\n$&')
const body = (more: string) => (listener: string) =>
  listener.replace(
    /^( *)failure_mode_allow:/m,
    `$1with_request_body: { max_request_bytes: 10, allow_partial_message: true${more} }\n$&`,
  )
const LISTENERS: Readonly<Record<string, (listener: string) => string>> = {
  raw,
  rawAsSent: listener => raw(listener).replace(/^ *normalize_path:.*\n/m, ''),
  body: body(''),
  rawBody: listener => raw(body(', pack_as_bytes: true')(listener)),
  tls: listener =>
    raw(listener)
      .replace(/^( *)failure_mode_allow:/m, '$1include_tls_session: true\n$&')
      .replace(
        /^( *)- filters:/m,
        `$1- transport_socket:
$1    name: envoy.transport_sockets.tls
$1    typed_config:
$1      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
$1      common_tls_context:
$1        tls_certificates: [ { certificate_chain: { inline_string: ${pem('cert.pem')} }, private_key: { inline_string: ${pem('key.pem')} } } ]
$1        validation_context: { trusted_ca: { inline_string: ${pem('cert.pem')} } }
$1  filters:`,
      ),
}

const captured: Buffer[] = []
const allow = encodeDecision(
  {
    kind: 'deny',
    status: 200,
    headers: [],
    body: 'caught',
    metadata: {
      ...createDecisionProgress(),
      code: 'ok',
      reason: '',
      errorHandler: '',
      annotations: {},
    },
  },
  false,
  subject => subject,
)
const engine = await startNativeServer({
  methods: new Map([
    [
      CHECK_METHOD,
      call => {
        captured.push(Buffer.from(call.request))
        return allow
      },
    ],
  ]),
  health: { isServing: () => true, watch: () => () => {} },
  listen: { host: '127.0.0.1', port: 0 },
  tls: undefined,
  onError: () => {},
  now: () => performance.now() as Instant,
  wall: Date.now,
})
const processes = createProcessManager(folder, { endOnSignal: true })
try {
  const ports = await choosePorts(false)
  const credence = Number(engine.address.split(':').at(-1))
  let yaml = envoyConfig('minimal', { ...ports, credence }, { raw: 1, grpc: 1 })
  const at = new Map<string, number>([['map', ports.envoy]])
  for (const [name, edit] of Object.entries(LISTENERS)) {
    const port = await freePort()
    at.set(name, port)
    yaml = addListener(yaml, { name, port, edit })
  }
  await startEnvoy(findEnvoy(), yaml, { adminPort: ports.envoyAdmin, processes, folder })
  const port = (listener: string) => at.get(listener) as number

  const get = [
    'GET /orders?x=1 HTTP/1.1',
    'Host: App.test:8080',
    'Cookie: a=1; s=X',
    'Cookie: s=Y',
    'X-A: 1',
    'X-A: 2',
    'X-Empty:',
    'Authorization: Bearer t',
    'X-Latin: caf\xe9',
    '__proto__: x',
    'x-request-id: r-1',
    'Connection: close',
  ].join('\r\n')
  const post =
    'POST /orders HTTP/1.1\r\nHost: app.test\r\nContent-Length: 16\r\nConnection: close\r\n\r\n0123456789abcdef'
  const lines: string[] = []
  const capture = async (name: string, sendRequest: () => Promise<unknown>) => {
    captured.length = 0
    await sendRequest()
    if (captured.length !== 1) throw new Error(`${name}: ${captured.length} Checks`)
    lines.push(JSON.stringify({ name, bytes: captured[0]?.toString('base64') }))
  }
  await capture('a GET, headers as a map', () => sendRaw(port('map'), `${get}\r\n\r\n`))
  await capture('a GET, headers as raw bytes', () => sendRaw(port('raw'), `${get}\r\n\r\n`))
  await capture('a path of HTTP/2 with a byte beyond ASCII', () =>
    sendHttp2(port('rawAsSent'), { ':path': '/adm\xe9n?q=1', ':scheme': 'https', cookie: 'a=1' }),
  )
  await capture('a gRPC call', () =>
    sendHttp2(port('raw'), {
      ':method': 'POST',
      ':path': '/pkg.Service/Do',
      'content-type': 'application/grpc',
      te: 'trailers',
    }),
  )
  await capture('a cut body as text', () => sendRaw(port('body'), post))
  await capture('a cut body as bytes', () => sendRaw(port('rawBody'), post))
  await capture(
    'a client with a certificate',
    () =>
      new Promise((resolve, reject) => {
        const options = {
          port: port('tls'),
          host: '127.0.0.1',
          servername: 'app.test',
          rejectUnauthorized: false,
        }
        const identity = {
          cert: readFileSync(join(folder, 'cert.pem')),
          key: readFileSync(join(folder, 'key.pem')),
        }
        const socket = connectTls({ ...options, ...identity }, () =>
          socket.write('GET /tls HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n'),
        )
        socket
          .on('data', () => {})
          .on('close', resolve)
          .on('error', reject)
      }),
  )
  writeFileSync(new URL('goldens.jsonl', import.meta.url), `${lines.join('\n')}\n`)
  console.log(`wrote ${lines.length} goldens`)
} finally {
  await processes.stop()
  await engine.drain(0)
  rmSync(folder, { recursive: true, force: true })
}
