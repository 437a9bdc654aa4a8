import assert from 'node:assert/strict'
import test from 'node:test'
import { compileTokenFrom, type TokenFrom, tokenFromSchema } from '../../../src/handlers/token/token_from.ts'
import { requestWith } from '../../support/request.ts'

const bearer = (value: string) => ({ headers: [['Authorization', value]] as const })
const AMBIGUOUS = 'ambiguous_credential'

for (const [from, parts, expected] of [
  [undefined, bearer('Bearer tok'), 'tok'],
  [null, bearer('bearer tok'), 'tok'],
  [undefined, bearer('BEARER tok'), 'tok'],
  [undefined, bearer('Bearer  tok'), ' tok'],
  [undefined, bearer('Bearer a b'), 'a b'],
  [undefined, bearer('Bearer'), undefined],
  [undefined, bearer('Bearer '), undefined],
  [undefined, bearer('Basic tok'), undefined],
  [undefined, bearer('Bearer\ttok'), undefined],
  [undefined, bearer('tok'), undefined],
  [undefined, bearer(''), undefined],
  [undefined, {}, undefined],
  [
    undefined,
    {
      headers: [
        ['Authorization', 'Bearer a'],
        ['authorization', 'Bearer a'],
      ],
    },
    'a',
  ],
  [
    undefined,
    {
      headers: [
        ['Authorization', 'Bearer a'],
        ['authorization', 'Bearer b'],
      ],
    },
    AMBIGUOUS,
  ],
  [
    undefined,
    {
      headers: [
        ['Authorization', 'Basic a'],
        ['authorization', 'Bearer b'],
      ],
    },
    AMBIGUOUS,
  ],
  [{ header: 'Authorization' }, bearer('Bearer tok'), 'tok'],
  [{ header: 'authorization' }, bearer('Bearer tok'), 'Bearer tok'],
  [{ header: 'X-Tok' }, { headers: [['x-tok', 'Bearer abc']] }, 'Bearer abc'],
  [{ header: 'X-Tok' }, bearer('Bearer tok'), undefined],
  [
    { header: 'X-Tok' },
    {
      headers: [
        ['x-tok', 'a'],
        ['x-tok', 'b'],
      ],
    },
    AMBIGUOUS,
  ],
  [{ cookie: 'tok' }, { headers: [['Cookie', 'a=1; tok=xyz']] }, 'xyz'],
  [{ cookie: 'tok' }, { headers: [['Cookie', 'TOK=xyz']] }, undefined],
  [{ cookie: 'tok' }, { headers: [['Cookie', 'tok=']] }, undefined],
  [{ cookie: 'tok' }, { headers: [['Cookie', 'tok=a; tok=b']] }, AMBIGUOUS],
  [{ query_parameter: 'tok' }, { query: 'a=1&tok=x%20y+z' }, 'x y z'],
  [{ query_parameter: 'tok' }, { query: 'TOK=abc' }, undefined],
  [{ query_parameter: 'tok' }, { query: 'tok' }, undefined],
  [{ query_parameter: 'tok' }, { query: 'tok=%zz' }, undefined],
  [{ query_parameter: 'tok' }, { query: '' }, undefined],
  [{ query_parameter: 'tok' }, { query: 'tok=a&tok=b' }, AMBIGUOUS],
  [{ query_parameter: '__proto__' }, { query: 'a=1' }, undefined],
] as const satisfies readonly (readonly [
  TokenFrom,
  { headers?: readonly (readonly [string, string])[]; query?: string },
  string | undefined,
])[]) {
  test(`token_from ${JSON.stringify(from)} finds ${JSON.stringify(expected)} in ${JSON.stringify(parts)}`, () => {
    const { headers = [], query = '' } = parts as { headers?: []; query?: string }
    const found = compileTokenFrom(from)(requestWith(headers, { query }))
    assert.equal(typeof found === 'object' ? found.code : found, expected)
    if (typeof found === 'object') assert.equal(found.status, 401)
  })
}

test('accepts exactly one location (Q-92)', () => {
  for (const wrong of [{}, { header: 'X', cookie: 'Y' }, { header: 1 }, { body: 'x' }, 'header']) {
    assert.equal(tokenFromSchema.safeParse(wrong).success, false, JSON.stringify(wrong))
  }
})

test('treats Authorization lines that a proxy joined with a comma as several (J4)', () => {
  const find = compileTokenFrom(undefined)
  const outcome = find(requestWith([['authorization', 'Bearer a,Bearer b']]))
  assert.ok(typeof outcome === 'object' && outcome.code === 'ambiguous_credential')
})
