/** test/conformance/run — one case against the running server: real files, real sockets, a fresh server each. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type App, clock, startApp } from '../../src/app/app.ts'
import { StartFault } from '../../src/app/startup_error.ts'
import { validate } from '../../src/cli/validate.ts'
import { openValidation } from '../../src/cli/validate_dependencies.ts'
import type { Case, Expectation, Step } from './case.ts'
import { type Context, judge, judgeHttp, parseJson } from './judge.ts'
import { type Jwk, jwkOf, mint } from './keys.ts'
import { type Asker, openAsker } from './request.ts'
import { type Stub, startStub } from './stub.ts'

export interface Outcome {
  readonly differences: readonly string[]
  /** Q-number of the better behaviour that was seen instead. */
  readonly alternative: string | undefined
}

/** How long a change of files may take to be in force, ms. */
const PATIENCE = 4_000

export async function runCase(one: Case): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), 'conformance-'))
  const stubs = new Map<string, Stub>()
  const fill = (text: string): string =>
    text
      .replace(
        /\{\{stub:([A-Za-z0-9]+)\}\}/g,
        (_all, name: string) => stubs.get(name)?.url ?? 'http://127.0.0.1:9',
      )
      .replaceAll('{{dir}}', dir)
  const back = (text: string): string => {
    let plain = text
    for (const stub of stubs.values()) plain = plain.replaceAll(stub.url, `{{stub:${stub.name}}}`)
    return plain.replaceAll(dir, '{{dir}}')
  }
  try {
    for (const spec of one.stubs ?? []) stubs.set(spec.name, await startStub(spec, fill))
    const place = prepare(one, dir, fill)
    const differences = await lint(one, place.configFile, place.env)
    const ran =
      one.kind === 'startup' ? await startOnly(one, place) : await runSteps(one, place, { stubs, fill, back })
    return { differences: [...differences, ...ran.differences], alternative: ran.alternative }
  } finally {
    for (const stub of stubs.values()) stub.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Place {
  readonly configFile: string
  readonly env: NodeJS.ProcessEnv
  readonly keys: readonly Jwk[]
  readonly repository: string | undefined
  write(name: string, text: string): void
  configText(config: unknown, repository: string | undefined): string
}

function prepare(one: Case, dir: string, fill: (text: string) => string): Place {
  const write = (name: string, text: string): void => {
    const file = join(dir, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }
  const keys: Jwk[] = []
  for (const [name, entries] of Object.entries(one.keys ?? {})) {
    const set = entries.map(jwkOf)
    keys.push(...set)
    write(name, JSON.stringify({ keys: set }))
  }
  for (const [name, text] of Object.entries(one.files ?? {})) {
    write(name, fill(text))
    const set = parseJson(text) as { keys?: Jwk[] } | undefined
    if (/jwks/.test(name)) keys.push(...(set?.keys ?? []))
  }
  const rules = fill(one.rulesText ?? JSON.stringify(one.rules ?? []))
  let repository: string | undefined
  if (one.mount === 'inline') repository = `inline://${Buffer.from(rules).toString('base64')}`
  else if (one.mount !== 'none') {
    write('rules.json', rules)
    repository = `file://${join(dir, 'rules.json')}`
  }
  write(
    'config.yaml',
    configText(one.configText === undefined ? one.config : fill(one.configText), repository),
  )
  const env = Object.fromEntries(Object.entries(one.env ?? {}).map(([name, value]) => [name, fill(value)]))
  return {
    configFile: join(dir, 'config.yaml'),
    env,
    keys,
    repository,
    write,
    configText: (c, r) => configText(typeof c === 'string' ? fill(c) : c, r),
  }

  /** Ports are any that are free; a repository is added unless the configuration names its own. */
  function configText(config: unknown, added: string | undefined): string {
    const document =
      typeof config === 'string' ? parseJson(config) : parseJson(fill(JSON.stringify(config ?? {})))
    if (typeof document !== 'object' || document === null) {
      const text = String(config)
      if (/^\s*[[{]/.test(text)) return text
      const serve = /^serve:/m.test(text) ? '' : `\nserve: ${JSON.stringify(withPorts({}))}\n`
      return `${text}${serve}${added === undefined ? '' : `\naccess_rules: {repositories: [${JSON.stringify(added)}]}\n`}`
    }
    const { serve, access_rules: access, ...rest } = document as Record<string, Record<string, unknown>>
    const repositories = added === undefined ? {} : { repositories: [added] }
    return JSON.stringify(
      { ...rest, serve: withPorts(serve ?? {}), access_rules: { ...access, ...repositories } },
      null,
      1,
    )
  }
}

function withPorts(serve: Readonly<Record<string, unknown>>): object {
  const at = (name: string) => ({ ...(serve[name] as object | undefined), host: '127.0.0.1', port: 0 })
  return { ...serve, grpc: at('grpc'), api: at('api'), proxy: at('proxy'), prometheus: at('prometheus') }
}

const options = ({ configFile, env }: Place) => ({
  configFiles: [configFile],
  flags: new Map(),
  env: { ...env, LOG_LEVEL: 'fatal' },
})

async function lint(one: Case, configFile: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  if (one.lint === undefined) return []
  const { world, close } = openValidation(clock)
  const io = { out: () => {}, err: () => {}, env }
  const code = await validate(
    { configFiles: [configFile], flags: new Map(), rules: [], strict: false },
    io,
    world,
  )
  await close()
  return (code === 0) === (one.lint === 'clean') ? [] : [`lint: wanted ${one.lint}, exit code ${code}`]
}

async function startOnly(one: Case, place: Place): Promise<Outcome> {
  const starts = await startApp(options(place)).then(
    async app => {
      await app.close()
      return true
    },
    error => {
      if (error instanceof StartFault) return false
      throw error
    },
  )
  if (starts === one.expect.starts) return { differences: [], alternative: undefined }
  const better = (one.alternatives ?? []).find(({ expect }) => (expect.starts ?? starts) === starts)
  return better === undefined
    ? { differences: [`starts: wanted ${one.expect.starts}, got ${starts}`], alternative: undefined }
    : { differences: [], alternative: better.q }
}

interface Surroundings {
  readonly stubs: ReadonlyMap<string, Stub>
  readonly fill: (text: string) => string
  readonly back: (text: string) => string
}

async function runSteps(one: Case, place: Place, around: Surroundings): Promise<Outcome> {
  const app = await startApp(options(place))
  const asker = openAsker(app.grpc)
  const context: Context = { back: around.back, keys: place.keys, exact: one.strictness === 'exact' }
  const differences: string[] = []
  let alternative: string | undefined
  try {
    for (const [i, step] of (one.steps ?? [one]).entries()) {
      if (step.sleepMs) await sleep(step.sleepMs)
      const until = Date.now() + (writeFiles(step, place, around.fill) ? PATIENCE : 0)
      let result = await runStep(step, app, asker, context, place, around)
      while (result.differences.length > 0 && Date.now() < until) {
        await sleep(200)
        result = await runStep(step, app, asker, context, place, around)
      }
      alternative ??= result.alternative
      differences.push(
        ...result.differences.map(text => (one.steps === undefined ? text : `step ${i + 1}: ${text}`)),
      )
    }
  } finally {
    asker.close()
    await app.close()
  }
  return { differences, alternative }
}

function writeFiles(step: Step, place: Place, fill: (text: string) => string): boolean {
  for (const [name, text] of Object.entries(step.writeFiles ?? {})) place.write(name, fill(text))
  const { writeRules: rules, writeConfig: config } = step
  if (rules !== undefined)
    place.write('rules.json', fill(typeof rules === 'string' ? rules : JSON.stringify(rules)))
  if (config !== undefined) {
    const document = (typeof config === 'string' ? parseJson(config) : config) as
      | { access_rules?: { repositories?: unknown } }
      | undefined
    const own = document === undefined || document.access_rules?.repositories !== undefined
    place.write('config.yaml', place.configText(document ?? config, own ? undefined : place.repository))
  }
  return rules !== undefined || config !== undefined || step.writeFiles !== undefined
}

async function runStep(
  step: Step,
  app: App,
  asker: Asker,
  context: Context,
  place: Place,
  around: Surroundings,
): Promise<Outcome> {
  for (const stub of around.stubs.values()) stub.forget()
  const before = context.previousToken
  let compare: (expect: Expectation, alternative: boolean) => string[]
  if (step.http !== undefined) {
    const { status, body } = await askHttp(app.api, step.http.method, step.http.path)
    compare = expect => judgeHttp(expect, status, body, around.back)
  } else {
    if (step.request === undefined) return { differences: ['the step asks nothing'], alternative: undefined }
    const headers = JSON.parse(around.fill(JSON.stringify(step.request.headers ?? [])))
    if (step.request.mint) headers.push(['Authorization', `Bearer ${mint(step.request.mint, place.keys)}`])
    const seen = await asker.ask({ ...step.request, headers })
    const all = () => [...around.stubs.values()].flatMap(stub => stub.calls)
    // A call that nobody waits for may still be on its way.
    if ((step.expect.calls?.length ?? 0) > all().length) await sleep(50)
    const calls = all().map(call => JSON.parse(around.back(JSON.stringify(call))))
    compare = (expect, other) => judge(expect, seen, calls, context, other)
  }
  const differences = compare(step.expect, false)
  if (differences.length === 0) return { differences, alternative: undefined }
  if (before === undefined) delete context.previousToken
  else context.previousToken = before
  const better = (step.alternatives ?? []).find(one => compare(one.expect, true).length === 0)
  return better === undefined
    ? { differences, alternative: undefined }
    : { differences: [], alternative: better.q }
}

function askHttp(address: string, method: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const [host, port] = address.split(':')
    const asking = httpRequest({ host, port: Number(port), method, path, agent: false }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', part => {
        body += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    asking.on('error', reject).end()
  })
}
