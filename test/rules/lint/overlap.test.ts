/** Overlaps are found for many shapes of patterns, and each reported one is a request that is answered with 500. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { RequestView } from '../../../src/access/request.ts'
import type { CompiledRule } from '../../../src/access/rule.ts'
import { createSnapshot } from '../../../src/access/snapshot.ts'
import { type AnalyzedRule, findOverlaps, type Overlap } from '../../../src/rules/lint/overlap.ts'
import { createWordFinder } from '../../../src/rules/patterns/automata.ts'
import { compilePattern, compileRpcPattern } from '../../../src/rules/patterns/pattern.ts'
import { findWitnesses } from '../../../src/rules/patterns/witness.ts'

type Written = string | readonly [url: string, methods: readonly string[]]

async function overlapsOf(
  written: readonly Written[],
  yieldToEventLoop = () => undefined as Promise<void> | undefined,
) {
  const wordFinder = createWordFinder()
  const examined = written.map((one, i): AnalyzedRule => {
    const [url, methods] = typeof one === 'string' ? [one, [one.startsWith('rpc') ? 'POST' : 'GET']] : one
    const rpc = /^rpc:\/\/([^/]*)\/(.*)$/.exec(url)
    const compiled =
      rpc === null
        ? compilePattern(url, 'regexp')
        : compileRpcPattern(rpc[1] as string, rpc[2] as string, 'regexp')
    assert.ok(!('fault' in compiled), JSON.stringify(compiled))
    const handlers = { authenticators: [], steps: [], responders: [] }
    const kind = rpc === null ? {} : { rpc: true as const }
    const rule: CompiledRule = {
      id: String(i),
      ...kind,
      methods: new Set(methods),
      pattern: compiled.pattern,
      ...handlers,
    }
    const { witnesses: urls } = findWitnesses(compiled, { paths: 'strict', rpc: rpc !== null }, wordFinder)
    return { rule, parsed: compiled.parsed, witnesses: urls }
  })
  const rules = examined.map(one => one.rule)
  const snapshot = createSnapshot({ revision: '', rules, settableHeaders: new Set(), fallbackResponders: [] })
  const overlaps = await findOverlaps({
    rules: examined,
    snapshot,
    wordFinder,
    paths: 'strict',
    yieldToEventLoop,
  })
  for (const { url, method, earlier, later } of overlaps) {
    assert.ok(earlier < later)
    const [, scheme = '', host = '', path = ''] = /^(\w+):\/\/([^/]*)(.*)$/.exec(url) ?? []
    const grpc = scheme === 'rpc'
    const header = () => (grpc ? 'application/grpc' : undefined)
    const request = { scheme: grpc ? 'https' : scheme, host, path, method, header } as unknown as RequestView
    const answer = snapshot.find(request)
    assert.ok(
      answer.kind === 'denial' && answer.code === 'several_rules',
      `${url} does not match several rules`,
    )
  }
  return overlaps
}
const describeOverlaps = (overlaps: readonly Overlap[]) =>
  overlaps.map(({ earlier, later, method, url }) => `${earlier} ${later} ${method} ${url}`)

const OVERLAPPING: readonly (readonly [what: string, a: string, b: string])[] = [
  ['equal patterns', 'https://h/a/<.*>', 'https://h/a/<.*>'],
  ['equal literals', 'https://h/a', 'https://h/a'],
  ['a literal inside an expression', 'https://h/<.*>', 'https://h/a/b'],
  ['a prefix inside a prefix', 'https://h/<.*>', '<https?>://h/a/<[0-9]+>'],
  ['anything at all', '<.*>', 'https://h/<[^/]+>/edit'],
  ['a suffix inside a prefix', 'https://h/users/<.*>', '<.*>/edit'],
  ['expressions of which neither contains the other', 'https://h/<[^/]+>/edit', 'https://h/users/<[a-z]{4}>'],
  ['fragments in hosts', 'https://<[a-z]+>.example.com/a', 'https://api.<[^/]+>/<.*>'],
  ['lookaheads that exclude different texts', 'https://h/<(?!admin).*>', 'https://h/<(?!public).*>'],
  ['case-insensitive texts', 'https://h/<(?i:abc)>', 'https://h/<[A-Z]+>'],
  ['gRPC calls', 'rpc://g/pkg.Service/<.*>', 'rpc://g/pkg.Service/Get'],
]
for (const [what, a, b] of OVERLAPPING) {
  test(`${what}: ${a} and ${b} overlap, whichever comes first`, async () => {
    assert.equal((await overlapsOf([a, b])).length, 1)
    assert.equal((await overlapsOf([b, a])).length, 1)
  })
}

const DISJOINT: readonly (readonly [a: string, b: string])[] = [
  ['https://h/a/<.*>', 'https://h/b/<.*>'],
  ['https://h/a', 'https://h/b'],
  ['https://h/<.*>', 'http://h/<.*>'],
  ['https://a/<.*>', 'https://b/<.*>'],
  ['https://h/<[0-9]+>', 'https://h/<[a-z]+>'],
  ['https://h/<[^/]+>/edit', 'https://h/<[^/]+>/view'],
  ['https://h/<(?!admin).*>', 'https://h/admin'],
  ['https://h/<[^/]+>', 'https://h/a/b'],
  // They have common URLs, but none that a request can have.
  ['https://h/<.*>//', 'https://h/a/<.*>//'],
  ['https://g/pkg.Service/Get', 'rpc://g/pkg.Service/Get'],
]
for (const [a, b] of DISJOINT) {
  test(`${a} and ${b} do not overlap`, async () => {
    assert.deepEqual(describeOverlaps(await overlapsOf([a, b])), [])
  })
}

test('rules without a common method do not overlap', async () => {
  assert.deepEqual(
    await overlapsOf([
      ['https://h/a', ['GET', 'HEAD']],
      ['https://h/a', ['POST']],
    ]),
    [],
  )
  assert.deepEqual(
    describeOverlaps(
      await overlapsOf([
        ['https://h/a', ['GET', 'PUT']],
        ['https://h/a', ['POST', 'PUT']],
      ]),
    ),
    ['0 1 PUT https://h/a'],
  )
})

test('a rule reports the first rule that it overlaps with, and the number of others', async () => {
  const overlaps = await overlapsOf(['https://h/a', 'https://h/<.*>', 'https://h/<a|b>', 'https://h/c'])
  assert.deepEqual(
    overlaps.map(({ earlier, later, additional: more }) => [earlier, later, more]),
    [
      [0, 1, 0],
      [0, 2, 1],
      [1, 3, 0],
    ],
  )
})

test('at most 100 overlaps are reported', async () => {
  const many = Array.from({ length: 400 }, (_, i) => `https://svc-${i}.example.com/<.*>`)
  assert.equal((await overlapsOf([...many, '<.*>'])).length, 1)
  assert.equal((await overlapsOf(['<.*>', ...many])).length, 100)
})

test('the only overlap in thousands of rules is found, yielding between rules', async () => {
  const shapes = [
    (i: number) => `https://svc-${i}.example.com/api/<.*>`,
    (i: number) => `<https?>://app.example.com/svc-${i}/<[^/]+>/edit`,
    (i: number) => `<https?>://<[^/]+>/tenant-${i}/<[0-9]+>`,
    (i: number) => `https://app.example.com/literal/${i}`,
  ]
  const rules = Array.from({ length: 2_000 }, (_, i) => (shapes[i % 4] as (i: number) => string)(i))
  let pauses = 0
  const yieldToEventLoop = () => {
    pauses++
    return undefined
  }
  const overlaps = await overlapsOf([...rules, 'https://app.example.com/svc-1/users/<.*>'], yieldToEventLoop)
  assert.deepEqual(describeOverlaps(overlaps), ['1 2000 GET https://app.example.com/svc-1/users/edit'])
  assert.ok(pauses > 4_000, 'yields between rules')
})

test('for random patterns, every reported overlap is real', async () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    '/',
    '<.*>',
    '<[^/]+>',
    '<[ab]+>',
    '<(a|/b)?>',
    '<(?!a).*>',
    '<a{2}>',
  )
  const pattern = fc.array(piece, { maxLength: 5 }).map(pieces => `https://h/${pieces.join('')}`)
  await fc.assert(
    fc.asyncProperty(fc.array(pattern, { minLength: 2, maxLength: 6 }), async patterns => {
      await overlapsOf(patterns)
    }),
    { numRuns: 150 },
  )
})
