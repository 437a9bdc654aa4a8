/** Holds the structure of ARCHITECTURE.md: which folder may import which, which package has which importer, what each file must have. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import test from 'node:test'

const root = join(import.meta.dirname, '..')
const src = join(root, 'src')

const files = (readdirSync(src, { recursive: true }) as string[])
  .filter(file => file.endsWith('.ts'))
  .map(file => file.replaceAll('\\', '/'))

interface Import {
  readonly file: string
  /** As written: a package, `node:…`, or a relative path. */
  readonly from: string
  readonly typeOnly: boolean
}

const IMPORT = /^(?:import|export)\s+(type\s+)?([^'"]*?)\s*from\s+'([^']+)'/gms
const DYNAMIC_IMPORT = /\bimport\('([^']+)'\)/g

const imports: Import[] = files.flatMap(file => {
  const text = readFileSync(join(src, file), 'utf8')
  return [
    ...[...text.matchAll(IMPORT)].map(([, type, names = '', from = '']) => ({
      file,
      from,
      typeOnly: type !== undefined || namesOnlyTypes(names),
    })),
    ...[...text.matchAll(DYNAMIC_IMPORT)].map(([, from = '']) => ({ file, from, typeOnly: false })),
  ]
})

function namesOnlyTypes(names: string): boolean {
  if (!names.startsWith('{')) return false
  const each = names.replace(/[{}]/g, '').split(',')
  return each.map(name => name.trim()).every(name => name === '' || name.startsWith('type '))
}

/** The first folder of a path below `src`; files at the top are the entry points. */
const folderOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] as string) : 'entry')
const targetOf = (one: Import): string => normalize(join(dirname(one.file), one.from)).replaceAll('\\', '/')

type Allowed = Readonly<Record<string, 'values' | 'types'>>

/** What each folder may import besides itself; ARCHITECTURE.md shows the same table. */
const ALLOWED_IMPORTS: Readonly<Record<string, Allowed>> = {
  lib: {},
  golang: {},
  gjson: { golang: 'values' },
  gotemplate: { golang: 'values', lib: 'values' },
  documents: { lib: 'values' },
  http: { lib: 'values' },
  access: { lib: 'types', http: 'values' },
  resilience: { lib: 'values', access: 'types' },
  config: { documents: 'values', lib: 'values' },
  clients: {
    http: 'values',
    golang: 'values',
    documents: 'values',
    lib: 'values',
    config: 'values',
    resilience: 'values',
  },
  telemetry: { access: 'values', config: 'values', documents: 'values', lib: 'values', clients: 'types' },
  sessions: {
    access: 'values',
    config: 'values',
    golang: 'values',
    http: 'values',
    lib: 'values',
    resilience: 'values',
    clients: 'types',
  },
  handlers: {
    access: 'values',
    config: 'values',
    documents: 'values',
    gjson: 'values',
    golang: 'values',
    gotemplate: 'values',
    http: 'values',
    lib: 'values',
    clients: 'types',
  },
  http2: { http: 'values', lib: 'values' },
  grpc: { http2: 'values', config: 'values', http: 'values', lib: 'values', access: 'types' },
  envoy: { grpc: 'values', access: 'values', telemetry: 'values', http: 'values', lib: 'values' },
  api: {
    access: 'values',
    config: 'values',
    documents: 'values',
    http: 'values',
    lib: 'values',
    telemetry: 'values',
    sessions: 'types',
  },
  rules: {
    access: 'values',
    config: 'values',
    documents: 'values',
    golang: 'values',
    handlers: 'values',
    http: 'values',
    lib: 'values',
    clients: 'types',
  },
}

/** They wire everything, each only what is below it. */
const WIRING: Readonly<Record<string, readonly string[]>> = {
  app: [...Object.keys(ALLOWED_IMPORTS), 'entry'],
  cli: [...Object.keys(ALLOWED_IMPORTS), 'app', 'entry'],
  entry: ['cli'],
}

test('every folder has an import rule', () => {
  const folders = new Set(files.map(folderOf))
  assert.deepEqual([...folders].sort(), [...Object.keys(ALLOWED_IMPORTS), ...Object.keys(WIRING)].sort())
})

test('a folder imports only what its rule allows', () => {
  const broken = imports.flatMap(one => {
    if (!one.from.startsWith('.')) return []
    const target = targetOf(one)
    const [from, to] = [folderOf(one.file), folderOf(target)]
    if (from === to || target.startsWith('..')) return []
    if (WIRING[from] !== undefined) {
      return WIRING[from].includes(to) ? [] : [`${one.file} imports ${target}: ${from} may not import ${to}`]
    }
    const allowed = ALLOWED_IMPORTS[from]?.[to]
    if (allowed === 'values' || (allowed === 'types' && one.typeOnly)) return []
    const what = allowed === 'types' ? `only types of ${to}` : `nothing of ${to}`
    return [`${one.file} imports ${target}: ${from} may import ${what}`]
  })
  assert.deepEqual(broken, [])
})

test('golang, gjson and gotemplate are imported through their index only', () => {
  const broken = imports.flatMap(one => {
    if (!one.from.startsWith('.')) return []
    const target = targetOf(one)
    const library = folderOf(target)
    if (!['golang', 'gjson', 'gotemplate'].includes(library) || library === folderOf(one.file)) return []
    return target === `${library}/index.ts` ? [] : [`${one.file} imports ${target}`]
  })
  assert.deepEqual(broken, [])
})

test('no folder has more than 20 files', () => {
  const folders = ['src', 'test', 'demo', 'bench', 'scripts'].flatMap(top => [
    top,
    ...readdirSync(join(root, top), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => join(entry.parentPath, entry.name).slice(root.length + 1)),
  ])
  const full = folders.filter(folder => {
    if (/(^|\/)(cases|golden|run)(\/|$)/.test(folder)) return false
    const entries = readdirSync(join(root, folder), { withFileTypes: true })
    return entries.filter(entry => entry.isFile() && /\.(ts|js)$/.test(entry.name)).length > 20
  })
  assert.deepEqual(full, [])
})

/** Each package has one importer; a second one would be a second way to do the same. */
const PACKAGE_IMPORTERS: readonly (readonly [pkg: RegExp, importer: RegExp])[] = [
  [/^lru-cache$/, /^lib\/lru_cache\.ts$/],
  [/^js-yaml$/, /^documents\/yaml(_positions)?\.ts$/],
  [/^(refa|@eslint-community\/regexpp)$/, /^rules\/patterns\//],
  [/^undici(\/|$)/, /^clients\/http\//],
  [/^@ory\/client$/, /^clients\/kratos\.ts$/],
  [/^@aws-sdk\//, /^clients\/objects\/s3\.ts$/],
  [/^@google-cloud\//, /^clients\/objects\/gs\.ts$/],
  [/^@azure\//, /^clients\/objects\/azblob\.ts$/],
  [/^jose$/, /^clients\/jwks\//],
  [/^redis$/, /^sessions\/replication\//],
  [/^@grpc\//, /^grpc\/grpc_js\w*\.ts$/],
  [/^pino(-pretty)?$/, /^telemetry\/log\.ts$/],
  [/^@opentelemetry\//, /^telemetry\//],
  [/^commander$/, /^cli\//],
  [/^smol-toml$/, /^(documents|config|app)\//],
  [/^zod$/, /^(config|handlers)\/|^rules\/(document|settings)\.ts$|\/settings\.ts$/],
  [/^node:http2$/, /^grpc\/(http2\w*|stream)\.ts$/],
  [/^node:https?$/, /^(api\/|lib\/node_http\.ts$)/],
  [
    /^node:fs(\/promises)?$/,
    /^(rules\/repositories|app|cli|config|documents|lib)\/|^version\.ts$|^clients\/jwks\/|^grpc\/(socket|listen)\.ts$/,
  ],
]

test('each package has its only importer', () => {
  const broken = imports.flatMap(({ file, from }) => {
    if (from.startsWith('.')) return []
    const rule = PACKAGE_IMPORTERS.find(([pkg]) => pkg.test(from))
    if (rule === undefined)
      return from.startsWith('node:') ? [] : [`${file} imports ${from}: no rule names it`]
    return rule[1].test(file) ? [] : [`${file} imports ${from}, which belongs to ${rule[1]}`]
  })
  assert.deepEqual(broken, [])
})

test('access imports no Node module and no package, and of http only the header rules', () => {
  const broken = imports.filter(one => {
    if (folderOf(one.file) !== 'access') return false
    if (!one.from.startsWith('.')) return true
    const target = targetOf(one)
    return folderOf(target) === 'http' && target !== 'http/header_rules.ts'
  })
  assert.deepEqual(broken, [])
})

test('only access/decision builds an allow', () => {
  const builders = files.filter(
    file => /kind: 'allow'/.test(code(file)) && !/^(envoy|api|telemetry)\//.test(file),
  )
  assert.deepEqual(builders, ['access/decision.ts'])
})

test('the clock is read in one file', () => {
  const readers = files.filter(file => /\b(Date\.now|performance\.now|new Date\(\))/.test(code(file)))
  assert.deepEqual(readers.length, 1, readers.join(', '))
  assert.match(readers[0] as string, /^app\//)
})

test('every file says in its first line what it is for', () => {
  const silent = files.filter(file => !readFileSync(join(src, file), 'utf8').startsWith('/**'))
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
  const missing = files
    .filter(file => /^handlers\/(authenticators|authorizers|mutators|errors)\//.test(file))
    .flatMap(file => {
      const id = basename(file, '.ts')
      return [
        ...(registry.includes(`./${file.slice('handlers/'.length)}`) ? [] : [`${file} is not registered`]),
        ...(code(file).includes(`id: '${id}'`) ? [] : [`${file} is registered under another name`]),
        ...(existsSync(join(root, 'test', file.replace('.ts', '.test.ts'))) ? [] : [`${file} has no test`]),
      ]
    })
  assert.deepEqual(missing, [])
})

/** A file's text without its comments. */
function code(file: string): string {
  return readFileSync(join(src, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
}
