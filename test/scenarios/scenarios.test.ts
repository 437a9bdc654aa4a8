/** Runs every scenario file, from the bytes of a Check to the bytes of its response, with headers as a map and as raw bytes. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { HttpFailure, HttpResponse, OutgoingRequest } from '../../src/clients/http/message.ts'
import { parseYaml } from '../../src/documents/yaml.ts'
import { deepMerge } from '../../src/lib/merge.ts'
import { parseDuration } from '../../src/lib/time.ts'
import type { HttpFields, Response } from '../envoy/reference_codec.ts'
import { type CheckHarness, createCheckHarness, statusOf } from '../support/check_harness.ts'
import { fakeClock } from '../support/clock.ts'
import { type Check, type Scenario, scenarioSchema } from './scenario.ts'

const folder = new URL('./', import.meta.url)
const readScenarioFile = (name: string): string => readFileSync(new URL(name, folder), 'utf8')
/** Parses a file like a rule file, with merge keys. */
function parseYamlFile(text: string, name: string): unknown {
  const document = parseYaml(text, 'rules')
  assert.equal(document.kind, 'document', `${name}: ${JSON.stringify(document)}`)
  return document.kind === 'document' ? document.value : undefined
}
const baseConfig = parseYamlFile(readScenarioFile('base.yaml'), 'base.yaml')

for (const name of readdirSync(folder).filter(one => one.endsWith('.yaml') && one !== 'base.yaml')) {
  const text = readScenarioFile(name)
  const scenario = scenarioSchema.parse(parseYamlFile(text, name))
  describe(scenario.name, () => {
    for (const form of ['as a map', 'as raw bytes'] as const) {
      test(`${name}, headers ${form}`, () => runScenario(scenario, form))
    }
  })
  test(`${name} refers to the schema for editors`, () => {
    assert.match(text, /^# yaml-language-server: \$schema=\.\/scenario\.schema\.json\n/)
  })
}

type HeaderLines = readonly (readonly [name: string, value: string])[]

async function runScenario(scenario: Scenario, form: 'as a map' | 'as raw bytes'): Promise<void> {
  const clock = fakeClock()
  let calls: OutgoingRequest[] = []
  const harness = await createCheckHarness({
    config: JSON.stringify(deepMerge(baseConfig, scenario.config)),
    rules: rulesOf(scenario),
    clock,
    send: async request => {
      calls.push(request)
      return replyTo(request, scenario.services)
    },
  })
  for (const [i, check] of scenario.checks.entries()) {
    const label = `check ${i + 1}, ${check.case === undefined ? '' : `${check.case}, `}${check.request}`
    calls = []
    if (check.after !== undefined) {
      const delay = parseDuration(check.after)
      assert.ok(delay !== undefined, `${label}: after: ${check.after} is not a duration`)
      clock.advance(delay)
    }
    const response = await harness.send(httpOf(check, form))
    assertExpectation(check, response, harness, label)
    if (check.calls !== undefined)
      assert.equal(calls.length, check.calls, `${label}: calls to other services`)
  }
}

function rulesOf({ rules }: Scenario): string {
  const all = rules.flatMap(one =>
    typeof one === 'string' ? (parseYamlFile(readScenarioFile(one), one) as object[]) : [one],
  )
  return JSON.stringify(all)
}

const headerLines = (headers: Readonly<Record<string, string | readonly string[]>>): HeaderLines =>
  Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map(value => [name.toLowerCase(), value] as const),
  )

/** The request of a Check in Envoy's form: with pseudo headers; in a map, several lines of one name are joined. */
function httpOf(check: Check, form: 'as a map' | 'as raw bytes'): HttpFields {
  const [, method = '', scheme = '', host = '', path = ''] =
    /^(\S+) (\w+):\/\/([^/?]*)(.*)$/.exec(check.request) ?? []
  const pseudo: HeaderLines = [
    [':authority', host],
    [':path', path],
    [':method', method],
    [':scheme', scheme],
  ]
  const lines = [...pseudo, ...headerLines(check.headers)]
  const http = { method, scheme, host, path }
  if (form === 'as raw bytes') return { ...http, header_map: lines }
  const headers: Record<string, string> = {}
  for (const [name, value] of lines) {
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`
  }
  return { ...http, headers }
}

function replyTo(request: OutgoingRequest, responses: Scenario['services']): HttpResponse | HttpFailure {
  const { method, url, headers, target } = request
  const values = (name: string) =>
    headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value)
  const matches = ({ with: wanted = {}, without }: Scenario['services'][string][number]): boolean =>
    Object.entries(wanted).every(([name, value]) => values(name).join() === [value].flat().join()) &&
    without.every(name => values(name).length === 0)
  const given = responses[`${method} ${url}`]?.find(matches)?.reply
  if (given === undefined || given.fails !== undefined) {
    return { kind: 'failed', cause: given?.fails ?? 'connect', message: `${target}: no connection` }
  }
  const body = typeof given.body === 'string' ? given.body : JSON.stringify(given.body ?? '')
  return { kind: 'answered', status: given.status, headers: headerLines(given.headers), body }
}

function assertExpectation(
  { expect }: Check,
  response: Response,
  harness: CheckHarness,
  label: string,
): void {
  const record = JSON.parse(harness.log().trimEnd().split('\n').at(-1) ?? '{}') as Record<string, unknown>
  const context = `${label}: ${statusOf(response)} ${JSON.stringify(record)} ${response.denied_response?.body ?? ''}`
  for (const [field, value] of Object.entries(expect.log ?? {}))
    assert.deepEqual(record[field], value, context)
  const { ok_response: ok, denied_response: denied } = response
  if (expect.allow !== undefined) {
    assert.equal(response.http_response, 'ok_response', context)
    assert.deepEqual(headerRecord(ok?.headers), expect.allow, context)
    if (expect.remove !== undefined) {
      assert.deepEqual([...(ok?.headers_to_remove ?? [])].sort(), [...expect.remove].sort(), context)
    }
    if (expect.response !== undefined) {
      const added = (ok?.response_headers_to_add ?? []).map(({ header }) => [header.key, header.value])
      assert.deepEqual(added, headerLines(expect.response), context)
    }
    return
  }
  assert.equal(response.http_response, 'denied_response', context)
  assert.equal(statusOf(response), expect.deny, context)
  const sent = (denied?.headers ?? []).map(({ header }) => [header.key, header.value ?? ''] as const)
  for (const [name, value] of Object.entries(expect.headers ?? {})) {
    const found = sent.filter(([key]) => key === name).map(([, one]) => one)
    assert.deepEqual(found, value === '' ? [] : [value].flat(), `${context}: ${name}`)
  }
  if (typeof expect.body === 'string') assert.equal(denied?.body ?? '', expect.body, context)
  else if (expect.body !== undefined) assertContains(JSON.parse(denied?.body ?? 'null'), expect.body, context)
}

const headerRecord = (options: NonNullable<Response['ok_response']>['headers']): Record<string, string> =>
  Object.fromEntries((options ?? []).map(({ header }) => [header.key, header.value ?? '']))

/** Compares the members of `expected`, recursively; `actual` may have more. */
function assertContains(actual: unknown, expected: unknown, context: string): void {
  if (typeof expected !== 'object' || expected === null || Array.isArray(expected)) {
    assert.deepEqual(actual, expected, context)
    return
  }
  for (const [key, value] of Object.entries(expected)) {
    assertContains((actual as Record<string, unknown> | undefined)?.[key], value, `${context}: ${key}`)
  }
}
