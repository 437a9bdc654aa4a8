/** Lookups share a cache entry only if endpoint and credential are equal in every part (docs/security-cases.md, C4, C6, C7). */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Credential } from '../../../src/access/verdict.ts'
import { type Instant, millis } from '../../../src/lib/time.ts'
import type { SessionEndpoint } from '../../../src/sessions/types.ts'
import { createSessionVerifier } from '../../../src/sessions/verifier.ts'
import { fakeClock } from '../../support/clock.ts'
import { type FakeKratos, fakeKratos, liveSession } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'

const createVerifier = (kratos: FakeKratos) =>
  createSessionVerifier({
    clock: fakeClock(),
    whoami: kratos.whoami,
    maxAge: millis(60_000),
    maxEntries: 100,
    holdoff: millis(5_000),
    staleIfError: millis(0),
    secret: Buffer.from('secret of a test'),
    random: () => 0,
  })
const request = requestWith([], { deadline: Number.POSITIVE_INFINITY as Instant })

interface Lookup {
  readonly endpoint: SessionEndpoint
  readonly credential: Credential
}

/** Texts that are parts or encodings of each other. */
const text = fc.constantFrom(
  '',
  'a',
  'b',
  'ab',
  'aa',
  'cookie',
  'token',
  's',
  'ory_kratos_session',
  's1:a',
  '\ud800',
  '\ufffd',
)
const url = fc.constantFrom(
  'http://kratos/sessions/whoami',
  'http://kratos/sessions/whoami?tokenize_as=a',
  'http://kratos/sessions/whoami?tokenize_as=b',
  'http://other/sessions/whoami',
  'http://kratos/b/sessions/whoami',
)
const header = fc.record({ name: fc.constantFrom('x-a', 'x-b'), value: text })
const lookup: fc.Arbitrary<Lookup> = fc.record({
  endpoint: fc.record({
    whoamiUrl: url,
    headers: fc.array(header, { maxLength: 2 }),
    maxAge: fc.constantFrom(undefined, millis(30_000)),
  }),
  credential: fc.record({ kind: fc.constantFrom('cookie', 'token'), name: text, value: text }),
})

/** Pairs that differ in one part. Random pairs hardly ever do. */
const differingInOnePart = fc
  .tuple(lookup, lookup, fc.constantFrom('none', 'whoamiUrl', 'headers', 'kind', 'name', 'value'))
  .map(([a, b, part]): readonly [Lookup, Lookup] => {
    const { endpoint, credential } = a
    if (part === 'none') return [a, { endpoint: { ...endpoint }, credential: { ...credential } }]
    if (part === 'whoamiUrl' || part === 'headers') {
      return [a, { ...a, endpoint: { ...endpoint, [part]: b.endpoint[part] } }]
    }
    return [a, { ...a, credential: { ...credential, [part]: b.credential[part] } }]
  })

/** The order of headers is part of the key, although HTTP ignores it. */
const lookupKey = ({ endpoint, credential }: Lookup): string =>
  JSON.stringify([
    endpoint.whoamiUrl,
    endpoint.headers.map(({ name, value }) => [name, value]),
    credential.kind,
    credential.name,
    credential.value,
  ])

for (const [what, pairs] of [
  ['that differ in one part', differingInOnePart],
  ['at random', fc.tuple(lookup, lookup)],
] as const) {
  test(`two lookups ${what} share an entry only if they are equal`, async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ([a, b]) => {
        const kratos = fakeKratos(liveSession())
        const sessions = createVerifier(kratos)
        await sessions.verify(a.endpoint, a.credential, request)
        await sessions.verify(b.endpoint, b.credential, request)
        assert.equal(kratos.calls.length, lookupKey(a) === lookupKey(b) ? 1 : 2)
      }),
      { numRuns: 1_000 },
    )
  })
}

test('a different split between name and value is another lookup', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1, maxLength: 8 }), fc.nat(), fc.nat(), async (whole, m, n) => {
      const cut = (at: number): Credential => {
        const split = at % (whole.length + 1)
        return { kind: 'cookie', name: whole.slice(0, split), value: whole.slice(split) }
      }
      const endpoint = { whoamiUrl: 'http://kratos/sessions/whoami', headers: [], maxAge: undefined }
      const kratos = fakeKratos(liveSession())
      const sessions = createVerifier(kratos)
      await sessions.verify(endpoint, cut(m), request)
      await sessions.verify(endpoint, cut(n), request)
      assert.equal(kratos.calls.length, cut(m).name === cut(n).name ? 1 : 2)
    }),
  )
})
