/** Runs one case against a new instance of the service, with real files and real sockets. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type App, clock, startApp } from '../../src/app/app.ts'
import { StartupError } from '../../src/app/startup_error.ts'
import { validate } from '../../src/cli/validate.ts'
import { createValidateDependencies } from '../../src/cli/validate_dependencies.ts'
import type { Case, Expectation, Step } from './case.ts'
import { appOptions, type CaseSetup, setUpCase } from './case_setup.ts'
import { type CheckClient, openCheckClient } from './check_client.ts'
import { type ComparisonContext, compareDecision, compareHttp } from './compare.ts'
import { mintToken } from './keys.ts'
import { parseJson } from './matches.ts'
import { type Stub, startStub } from './stub_service.ts'

export interface CaseResult {
  readonly differences: readonly string[]
  /** Q-number of the permitted alternative that was met instead of the expectation. */
  readonly alternative: string | undefined
}

/** Time within which a change of files must be in force. */
const RELOAD_TIMEOUT_MS = 4_000

/** Compares every step with its expectation, then with its alternatives. Rejects only on an unexpected error. */
export async function runCase(testCase: Case): Promise<CaseResult> {
  const dir = mkdtempSync(join(tmpdir(), 'conformance-'))
  const stubs = new Map<string, Stub>()
  const resolvePlaceholders = (text: string): string =>
    text
      .replace(
        /\{\{stub:([A-Za-z0-9]+)\}\}/g,
        (_all, name: string) => stubs.get(name)?.url ?? 'http://127.0.0.1:9',
      )
      .replaceAll('{{dir}}', dir)
  const toPlaceholders = (text: string): string => {
    let plain = text
    for (const stub of stubs.values()) plain = plain.replaceAll(stub.url, `{{stub:${stub.name}}}`)
    return plain.replaceAll(dir, '{{dir}}')
  }
  try {
    for (const spec of testCase.stubs ?? []) stubs.set(spec.name, await startStub(spec, resolvePlaceholders))
    const setup = setUpCase(testCase, dir, resolvePlaceholders)
    const differences = await runValidate(testCase, setup.configFile, setup.env)
    const result =
      testCase.kind === 'startup'
        ? await checkStarts(testCase, setup)
        : await runSteps(testCase, setup, { stubs, resolvePlaceholders, toPlaceholders })
    return { differences: [...differences, ...result.differences], alternative: result.alternative }
  } finally {
    for (const stub of stubs.values()) stub.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function runValidate(testCase: Case, configFile: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  if (testCase.lint === undefined) return []
  const { dependencies, close } = createValidateDependencies(clock)
  const io = { out: () => {}, err: () => {}, env }
  const code = await validate(
    { configFiles: [configFile], flags: new Map(), rules: [], strict: false },
    io,
    dependencies,
  )
  await close()
  return (code === 0) === (testCase.lint === 'clean')
    ? []
    : [`lint: wanted ${testCase.lint}, exit code ${code}`]
}

async function checkStarts(testCase: Case, setup: CaseSetup): Promise<CaseResult> {
  const starts = await startApp(appOptions(setup)).then(
    async app => {
      await app.close()
      return true
    },
    error => {
      if (error instanceof StartupError) return false
      throw error
    },
  )
  if (starts === testCase.expect.starts) return { differences: [], alternative: undefined }
  const met = (testCase.alternatives ?? []).find(({ expect }) => (expect.starts ?? starts) === starts)
  return met === undefined
    ? { differences: [`starts: wanted ${testCase.expect.starts}, got ${starts}`], alternative: undefined }
    : { differences: [], alternative: met.q }
}

interface CaseEnvironment {
  readonly stubs: ReadonlyMap<string, Stub>
  readonly resolvePlaceholders: (text: string) => string
  readonly toPlaceholders: (text: string) => string
}

async function runSteps(testCase: Case, setup: CaseSetup, environment: CaseEnvironment): Promise<CaseResult> {
  const app = await startApp(appOptions(setup))
  const client = openCheckClient(app.grpc)
  const context: ComparisonContext = {
    toPlaceholders: environment.toPlaceholders,
    keys: setup.keys,
    rejectsExtraHeaders: testCase.strictness === 'exact',
  }
  const differences: string[] = []
  let alternative: string | undefined
  try {
    for (const [i, step] of (testCase.steps ?? [testCase]).entries()) {
      if (step.sleepMs) await sleep(step.sleepMs)
      const deadline =
        Date.now() + (writeFiles(step, setup, environment.resolvePlaceholders) ? RELOAD_TIMEOUT_MS : 0)
      let result = await runStep(step, app, client, context, setup, environment)
      while (result.differences.length > 0 && Date.now() < deadline) {
        await sleep(200)
        result = await runStep(step, app, client, context, setup, environment)
      }
      alternative ??= result.alternative
      differences.push(
        ...result.differences.map(text => (testCase.steps === undefined ? text : `step ${i + 1}: ${text}`)),
      )
    }
  } finally {
    client.close()
    await app.close()
  }
  return { differences, alternative }
}

function writeFiles(step: Step, setup: CaseSetup, resolvePlaceholders: (text: string) => string): boolean {
  for (const [name, text] of Object.entries(step.writeFiles ?? {}))
    setup.write(name, resolvePlaceholders(text))
  const { writeRules: rules, writeConfig: config } = step
  if (rules !== undefined)
    setup.write('rules.json', resolvePlaceholders(typeof rules === 'string' ? rules : JSON.stringify(rules)))
  if (config !== undefined) {
    const document = (typeof config === 'string' ? parseJson(config) : config) as
      | { access_rules?: { repositories?: unknown } }
      | undefined
    const own = document === undefined || document.access_rules?.repositories !== undefined
    setup.write('config.yaml', setup.configText(document ?? config, own ? undefined : setup.repository))
  }
  return rules !== undefined || config !== undefined || step.writeFiles !== undefined
}

async function runStep(
  step: Step,
  app: App,
  client: CheckClient,
  context: ComparisonContext,
  setup: CaseSetup,
  environment: CaseEnvironment,
): Promise<CaseResult> {
  for (const stub of environment.stubs.values()) stub.clearCalls()
  const previousToken = context.previousToken
  let compare: (expect: Expectation, alternative: boolean) => string[]
  if (step.http !== undefined) {
    const { status, body } = await sendHttp(app.api, step.http.method, step.http.path)
    compare = expect => compareHttp(expect, status, body, environment.toPlaceholders)
  } else {
    if (step.request === undefined)
      return { differences: ['the step has no request'], alternative: undefined }
    const headers = JSON.parse(environment.resolvePlaceholders(JSON.stringify(step.request.headers ?? [])))
    if (step.request.mint)
      headers.push(['Authorization', `Bearer ${mintToken(step.request.mint, setup.keys)}`])
    const actual = await client.check({ ...step.request, headers })
    const all = () => [...environment.stubs.values()].flatMap(stub => stub.calls)
    // The service does not wait for every call: one may still be on its way.
    if ((step.expect.calls?.length ?? 0) > all().length) await sleep(50)
    const calls = all().map(call => JSON.parse(environment.toPlaceholders(JSON.stringify(call))))
    compare = (expect, other) => compareDecision(expect, actual, calls, context, other)
  }
  const differences = compare(step.expect, false)
  if (differences.length === 0) return { differences, alternative: undefined }
  if (previousToken === undefined) delete context.previousToken
  else context.previousToken = previousToken
  const met = (step.alternatives ?? []).find(({ expect }) => compare(expect, true).length === 0)
  return met === undefined ? { differences, alternative: undefined } : { differences: [], alternative: met.q }
}

function sendHttp(address: string, method: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const [host, port] = address.split(':')
    const request = httpRequest({ host, port: Number(port), method, path, agent: false }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', part => {
        body += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    request.on('error', reject).end()
  })
}
