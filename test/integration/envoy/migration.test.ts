/** Tests the Envoy blocks of docs/migrating-from-oathkeeper.md: HTTP and gRPC ext_authz lead to the same responses. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findEnvoy } from '../../../demo/envoy.ts'
import { projectRoot } from '../../../demo/kratos.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'

const page = readFileSync(join(projectRoot, 'docs/migrating-from-oathkeeper.md'), 'utf8')

/** Returns the block of the page whose first line is the name as a comment, indented. */
function yamlBlock(name: string, indent: number): string {
  const found = new RegExp(`^\`\`\`yaml\n# ${name}\n(.*?)^\`\`\`$`, 'ms').exec(page)?.[1]
  assert.ok(found !== undefined, `the page has no block "${name}"`)
  return found.replace(/^(?=.)/gm, ' '.repeat(indent))
}
const FILTER = /^ {10}- name: envoy\.filters\.http\.ext_authz\n.*?(?=^ {10}- name)/ms
const withFilters = (yaml: string, filters: string): string => {
  assert.match(yaml, FILTER)
  return yaml.replace(FILTER, () => filters)
}
const oathkeeper = (port: string): string =>
  `
  - name: oathkeeper
    type: STATIC
    load_assignment: { cluster_name: oathkeeper, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }] }
`

const RULES = `
- id: account
  match: { url: "<https?>://<[^/]+>/account<(/.*)?>", methods: [GET, POST] }
  authenticators: [ { handler: cookie_session }, { handler: anonymous } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
- id: staff
  match: { url: "<https?>://<[^/]+>/staff", methods: [GET] }
  authenticators: [ { handler: anonymous } ]
  authorizer: { handler: deny }
  mutators: [ { handler: noop } ]
  errors:
    - { handler: redirect, config: { to: "/login", return_to_query_param: return_to, when: [ { request: { header: { accept: [text/html] } } } ] } }
    - { handler: www_authenticate, config: { when: [ { request: { header: { accept: [application/json] } } } ] } }
`

interface Echoed {
  readonly headers: Readonly<Record<string, string>>
}

let httpEnvironment: EnvoyEnvironment
let grpcEnvironment: EnvoyEnvironment
before(async () => {
  let api = ''
  httpEnvironment = await startEnvoyEnvironment({
    rules: RULES,
    editCredence(yaml) {
      api = /api: \{ host: 127\.0\.0\.1, port: (\d+)/.exec(yaml)?.[1] as string
      return yaml.replace('  api: {', '  api: { decisions: true,')
    },
    editEnvoy: yaml => withFilters(yaml, yamlBlock('before', 10)) + oathkeeper(api),
  })
  grpcEnvironment = await startEnvoyEnvironment({
    rules: RULES,
    editEnvoy: yaml => withFilters(yaml, yamlBlock('after', 10)),
  })
})
after(async () => {
  await httpEnvironment.close()
  await grpcEnvironment.close()
})

for (const [path, headers, status] of [
  ['/account', {}, 200],
  ['/account/a?b=1', { 'x-user-id': 'root' }, 200],
  ['/account', { authorization: 'Bearer x' }, 401],
  ['/account', { cookie: 'other=1' }, 200],
  ['/account/a%2Fb', {}, 400],
  ['/staff', { accept: 'text/html' }, 302],
  ['/staff', { accept: 'application/json' }, 401],
  ['/nowhere', {}, 404],
] as const) {
  test(`${path} with ${JSON.stringify(headers)} is ${status} with HTTP and with gRPC`, async () => {
    const results = await Promise.all(
      [httpEnvironment, grpcEnvironment].map(async environment => {
        const page = await environment.fetch(path, { headers })
        const header = (name: string) =>
          page.headers.get(name)?.replaceAll(encodeURIComponent(environment.origin), '')
        const user = page.status === 200 && page.json<Echoed>().headers['x-user-id']
        return { status: page.status, user, to: header('location'), challenge: header('www-authenticate') }
      }),
    )
    assert.deepEqual(results[0], results[1])
    assert.equal(results[0]?.status, status)
  })
}

test('Envoy accepts both filters with one route on gRPC', () => {
  const inner = (name: string) => yamlBlock(name, 10).replace(/^.*?typed_config:\n/s, '')
  const both = yamlBlock('both', 10)
    .replace(/ BEFORE.*\n/, () => `\n${inner('before')}`)
    .replace(/ AFTER.*\n/, () => `\n${inner('after')}`)
  const minimal = readFileSync(join(projectRoot, 'envoy/minimal.yaml'), 'utf8')
  const yaml = withFilters(minimal, both).replace(/^ *routes:\n/m, line => line + yamlBlock('route', 14))
  const clusters =
    yaml.replace(/\n {2}- name: credence\n[\s\S]*$/, `\n${yamlBlock('cluster', 2)}`) + oathkeeper('4456')
  const folder = mkdtempSync(join(tmpdir(), 'credence-migration-'))
  writeFileSync(join(folder, 'envoy.yaml'), clusters)
  const args = ['--mode', 'validate', '-c', join(folder, 'envoy.yaml')]
  const { status, stderr } = spawnSync(findEnvoy(), args, { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  assert.equal(status, 0, stderr)
})
