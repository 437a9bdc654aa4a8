/** Heimdall as a peer: the same rules, the same cookie session, one header. It runs where HEIMDALL_BIN names its program. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../demo/ports.ts'
import type { BenchmarkCase } from './compare.ts'
import { INVALID_COOKIE_PREFIX } from './fake_kratos.ts'
import { IDENTITY_ID, sessionCheck } from './rules_and_checks.ts'
import { type RunningServer, startPeer } from './servers.ts'

/** None without the program, with a line that says so. */
export function heimdall(count: number): readonly BenchmarkCase[] {
  const program = process.env.HEIMDALL_BIN ?? ''
  if (program === '') {
    console.log('\nSkipped Heimdall: set HEIMDALL_BIN to its program.')
    return []
  }
  return [
    {
      name: `Heimdall, ${count.toLocaleString('en')} rules`,
      start: ({ whoami }) => startHeimdall(program, whoami, count),
      workload: { messages: [sessionCheck(count).toString('base64')], expected: IDENTITY_ID },
      denied: {
        message: sessionCheck(count, INVALID_COOKIE_PREFIX).toString('base64'),
        expected: 'authentication',
      },
    },
  ]
}

async function startHeimdall(program: string, whoami: string, count: number): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const [port, management] = [await freePort(), await freePort()]
  writeFileSync(join(folder, 'rules.yaml'), JSON.stringify(ruleSet(count)))
  writeFileSync(
    join(folder, 'config.yaml'),
    JSON.stringify(configuration(port, management, whoami, join(folder, 'rules.yaml'))),
  )
  // TLS is measured for none of the servers. The other checks of Heimdall's configuration stay on.
  const args = ['serve', 'decision', '--envoy-grpc', '-c', join(folder, 'config.yaml')]
  return startPeer(program, [...args, '--insecure-skip-all-tls-enforcement'], port, folder)
}

/** Without metrics, tracing and log lines, and with a cache as long as the measurement. */
const configuration = (port: number, management: number, whoami: string, rules: string): object => ({
  log: { level: 'error' },
  metrics: { enabled: false },
  tracing: { enabled: false },
  serve: { host: '127.0.0.1', port, respond: { verbose: true } },
  management: { host: '127.0.0.1', port: management },
  mechanisms: {
    authenticators: [
      {
        id: 'session',
        type: 'generic',
        config: {
          identity_info_endpoint: { url: whoami },
          authentication_data_source: [{ cookie: 'ory_kratos_session' }],
          forward_cookies: ['ory_kratos_session'],
          principal: { id: 'identity.id' },
          cache_ttl: '1h',
        },
      },
    ],
    authorizers: [{ id: 'allow', type: 'allow' }],
    finalizers: [{ id: 'header', type: 'header', config: { headers: { 'x-user-id': '{{ .Subject.ID }}' } } }],
  },
  providers: { file_system: { src: rules, watch: false } },
})

/** The rules of `sessionRules` in Heimdall's terms: a literal host for nine of ten, any host for the others. */
const ruleSet = (count: number): object => ({
  version: '1beta1',
  name: 'bench',
  rules: Array.from({ length: count }, (_, i) => ({
    id: `rule-${i}`,
    match: {
      http: {
        methods: ['GET', 'POST'],
        ...(i % 10 === 3
          ? { paths: [{ path: `/any${i}/**` }] }
          : {
              hosts: [`svc${i % 200}.example.com`],
              paths: [{ path: `/api/v1/resource${i}/:id` }],
            }),
      },
    },
    execute: [{ authenticator: 'session' }, { authorizer: 'allow' }, { finalizer: 'header' }],
  })),
})
