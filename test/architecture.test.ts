/** test/architecture — the plan of the house as a test: who may import whom, who may name a status, who has a test. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const src = join(root, 'src')

const files = (readdirSync(src, { recursive: true }) as string[])
  .filter(file => file.endsWith('.ts'))
  .map(file => file.replaceAll('\\', '/'))

interface Import {
  readonly file: string
  readonly room: string
  readonly from: string
  readonly typeOnly: boolean
}

/** `access/decide.ts` → `access`; files at the top are the roof. */
const roomOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] as string) : 'roof')

const imports: Import[] = files.flatMap(file => {
  const text = readFileSync(join(src, file), 'utf8')
  const found: Import[] = []
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?([^'"]*?)\s*from\s+'([^']+)'/gms)) {
    const names = (match[2] as string).replace(/[{}]/g, '')
    const allTypes =
      match[1] !== undefined ||
      (match[2]?.startsWith('{') === true &&
        names
          .split(',')
          .map(name => name.trim())
          .filter(name => name !== '')
          .every(name => name.startsWith('type ')))
    found.push({ file, room: roomOf(file), from: match[3] as string, typeOnly: allTypes })
  }
  for (const match of text.matchAll(/\bimport\('([^']+)'\)/g)) {
    found.push({ file, room: roomOf(file), from: match[1] as string, typeOnly: false })
  }
  return found
})

/** Which rooms a room may import: `type` where only types are allowed. */
const MAY: Readonly<Record<string, Readonly<Record<string, 'all' | 'type'>>>> = {
  lib: {},
  access: { lib: 'type' },
  clients: { lib: 'all' },
  telemetry: { access: 'all', lib: 'all', clients: 'type' },
  handlers: { access: 'all', lib: 'all', clients: 'type' },
  sessions: { access: 'all', lib: 'all', clients: 'type' },
  envoy: { access: 'all', telemetry: 'all', lib: 'all' },
  api: { access: 'all', telemetry: 'all', sessions: 'type', lib: 'all' },
  rules: { access: 'all', lib: 'all', handlers: 'all', clients: 'type' },
  cli: {},
  config: {},
  roof: {},
}
const ROOF = new Set(['cli', 'config', 'roof'])

const SENTENCES: Readonly<Record<string, string>> = {
  lib: 'the tool wall knows nothing of access control: Node’s own modules and its packages only',
  access: 'the heart imports the types of lib only: no Node module, no package',
  clients: 'a client reports what the world said; what that means is not its business: lib only',
  telemetry: 'the watchman sees access and lib',
  handlers: 'a handler sees access, lib and the interfaces of services; sessions only through Services',
  sessions: 'the memory sees access, lib and the types of clients',
  envoy: 'the door sees access, telemetry and lib; it does not know that rules exist as files',
  api: 'the side door sees access, telemetry, types of sessions and lib',
  rules: 'the library sees access, lib and the builder of handlers',
}

test('imports only ever point down, and neighbours do not see each other', () => {
  const broken = imports.flatMap(one => {
    if (!one.from.startsWith('.') || ROOF.has(one.room)) return []
    const target = relative(src, join(src, dirname(one.file), one.from)).replaceAll('\\', '/')
    const room = roomOf(target)
    if (room === one.room) return []
    const allowed = MAY[one.room]?.[room]
    if (allowed === 'all' || (allowed === 'type' && one.typeOnly)) return []
    return [`${one.file} imports ${target}: ${SENTENCES[one.room] ?? 'not in the plan'}`]
  })
  assert.deepEqual(broken, [])
})

/** Each package has one importer; a second one is a second way to do the same. */
const ONLY_IN: readonly (readonly [RegExp, RegExp])[] = [
  [/^lru-cache$/, /^lib\/cache\.ts$/],
  [/^js-yaml$/, /^lib\/yaml\.ts$/],
  [/^(refa|scslre|@eslint-community\/regexpp)$/, /^rules\/pattern/],
  [/^undici$/, /^clients\/http/],
  [/^@ory\/client$/, /^clients\/kratos/],
  [/^@aws-sdk\//, /^clients\/objects_s3\.ts$/],
  [/^@google-cloud\//, /^clients\/objects_gs\.ts$/],
  [/^@azure\//, /^clients\/objects_azblob\.ts$/],
  [/^jose$/, /^clients\/keys/],
  [/^redis$/, /^sessions\/bus/],
  [/^@grpc\//, /^envoy\/grpc_js\.ts$/],
  [/^pino(-pretty)?$/, /^telemetry\/log\.ts$/],
  [/^@opentelemetry\//, /^telemetry\//],
  [/^commander$/, /^(cli|main)/],
  [/^smol-toml$/, /^(config|lib\/toml)/],
  [/^zod$/, /^(config|rules\/document|handlers\/)/],
  [/^node:http2$/, /^envoy\/(http2|grpc_stream)\.ts$/],
  [/^node:https?$/, /^((api|telemetry)\/|lib\/status_text\.ts$)/],
  [
    /^node:fs(\/promises)?$/,
    /^(rules\/|cli\/|app|edition|config|lib\/|main|version|clients\/keys|envoy\/socket)/,
  ],
]

test('each package has its only importer', () => {
  const broken = imports
    .filter(one => !one.from.startsWith('.'))
    .flatMap(one => {
      const rule = ONLY_IN.find(([pkg]) => pkg.test(one.from))
      if (rule === undefined) {
        return one.from.startsWith('node:')
          ? []
          : [`${one.file} imports ${one.from}, which the plan does not list`]
      }
      return rule[1].test(one.file) ? [] : [`${one.file} imports ${one.from}, which belongs to ${rule[1]}`]
    })
  assert.deepEqual(broken, [])
})

test('the heart imports no Node module and no package', () => {
  const broken = imports.filter(one => one.room === 'access' && !one.from.startsWith('.'))
  assert.deepEqual(broken, [])
})

test('only access/decision builds an allow, and only envoy/encode names a gRPC status', () => {
  const allow = files.filter(
    file => /kind: 'allow'/.test(code(file)) && !/^(envoy|api|telemetry)\//.test(file),
  )
  assert.deepEqual(allow, ['access/decision.ts'])
})

test('the clock is read in app.ts only', () => {
  const readers = files.filter(file => /\b(Date\.now|performance\.now|new Date\(\))/.test(code(file)))
  assert.deepEqual(
    readers.filter(file => file !== 'app.ts'),
    [],
  )
})

test('every file says in its first line what it is for', () => {
  const silent = files.filter(file => !readFileSync(join(src, file), 'utf8').startsWith('/** '))
  assert.deepEqual(silent, [])
})

test('a file above 250 lines says why at its head', () => {
  const long = files.filter(file => {
    const text = readFileSync(join(src, file), 'utf8')
    return text.split('\n').length > 250 && !/\bLong because\b/.test(text.slice(0, 1200))
  })
  assert.deepEqual(long, [])
})

test('every handler is registered under its file’s name and has a test', () => {
  const registry = readFileSync(join(src, 'handlers/registry.ts'), 'utf8')
  const kinds = ['authenticators', 'authorizers', 'mutators', 'errors']
  const missing = files
    .filter(file => kinds.some(kind => file.startsWith(`handlers/${kind}/`)))
    .flatMap(file => {
      const faults: string[] = []
      const name = (file.split('/').at(-1) as string).replace('.ts', '')
      if (!registry.includes(`./${file.slice('handlers/'.length)}`)) faults.push(`${file} is not registered`)
      if (!code(file).includes(`id: '${name}'`)) faults.push(`${file} is registered under another name`)
      if (!existsSync(join(root, 'test', file.replace('.ts', '.test.ts')))) faults.push(`${file} has no test`)
      return faults
    })
  assert.deepEqual(missing, [])
})

/** A file's text without its comments. */
function code(file: string): string {
  return readFileSync(join(src, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
}
