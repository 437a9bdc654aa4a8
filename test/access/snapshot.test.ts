/** The index finds exactly the rule that trying all rules finds. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { firstMatch } from '../../src/access/match_policy.ts'
import type { RequestView } from '../../src/access/request.ts'
import type { CompiledRule, MatchPattern, RuleMatch } from '../../src/access/rule.ts'
import { createSnapshot, type SnapshotOptions } from '../../src/access/snapshot.ts'
import { compilePattern, compileRpcPattern } from '../../src/rules/patterns/pattern.ts'

const patternOf = (text: string, strategy: 'regexp' | 'glob' = 'regexp'): MatchPattern => {
  const made = compilePattern(text, strategy)
  assert.ok(!('fault' in made), JSON.stringify(made))
  return made.pattern
}

const ruleOf = (id: string, pattern: MatchPattern, methods = ['GET'], rpc?: true): CompiledRule => ({
  id,
  methods: new Set(methods),
  pattern,
  ...(rpc === undefined ? {} : { rpc }),
  authenticators: [],
  steps: [],
  responders: [],
})

type Options = Pick<SnapshotOptions, 'matchPolicy' | 'defaultMatch'>
const snapshotOf = (rules: readonly CompiledRule[], options: Options = {}) =>
  createSnapshot({ revision: 'r', rules, settableHeaders: new Set(), fallbackResponders: [], ...options })

function requestOf(url: string, method = 'GET', contentType?: string): RequestView {
  const [, scheme, host, path, query] = /^(\w+):\/\/([^/]*)([^?]*)\??(.*)$/s.exec(url) as unknown as string[]
  const view: Partial<RequestView> = {
    method,
    scheme: scheme as string,
    host: host as string,
    path: path as string,
    query: query as string,
    header: name => (name === 'content-type' ? contentType : undefined),
  }
  return view as RequestView
}

/** The result of `find` in one line. */
function outcome(rules: readonly CompiledRule[], request: RequestView, options?: Options): string {
  const found = snapshotOf(rules, options).find(request)
  if (found.kind === 'found') return `${found.rule.id} ${JSON.stringify(found.captures)}`
  return found.code === 'several_rules' ? found.reason : found.code
}

/** The same by trying all rules. The order of ids is not specified. */
function scan(rules: readonly CompiledRule[], url: string, method: string): string {
  const hits = rules.flatMap(rule => {
    const captures = rule.methods.has(method) ? rule.pattern.exec(url) : undefined
    return captures === undefined ? [] : [`${rule.id} ${JSON.stringify(captures)}`]
  })
  if (hits.length === 0) return 'no_rule'
  return hits.length === 1 ? (hits[0] as string) : `several ${hits.length}`
}

const word = fc.constantFrom('a', 'b', 'ab', 'api', 'v1', 'orders', 'é')
const host = fc.oneof(
  fc.constantFrom('h', 'h1', 'a.h', 'b.h', 'localhost:8080'),
  fc.constantFrom('<.*>', '<.+>', '<[^/]+>', '<(a|b)>.h', '<h|h1>', '<[a-z.]*>.h', '<(?:h/)?>h', 'h<.*>'),
)
const segment = fc.oneof(
  word,
  fc.constantFrom(
    '<.*>',
    '<[^/]*>',
    '<[a-z]+>',
    '<a|b>',
    '<(?!api)[a-z]+>',
    '<(?<x>a+)(b?)>',
    '<v[12]>-<.+>',
  ),
)
const patternText = fc
  .tuple(
    fc.constantFrom('http', 'https', '<https?>', '<http|https>', '<.*>'),
    host,
    fc.array(segment, { maxLength: 4 }),
    fc.constantFrom('', '', '/', '<(|/.*)>', '/<.*>'),
  )
  .map(([scheme, h, segments, end]) => {
    const named = segments.map((text, i) => text.replace('<x>', `<x${i}>`)) // a name stands once in a pattern
    return `${scheme}://${[h, ...named].join('/')}${end}`
  })
const url = fc
  .tuple(
    fc.constantFrom('http', 'https'),
    fc.constantFrom('h', 'h1', 'a.h', 'b.h', 'x', 'api', 'localhost:8080'),
    fc.array(fc.oneof(word, fc.constantFrom('h', 'v2-x', 'aab', 'a.h')), { maxLength: 6 }),
  )
  .map(([scheme, h, segments]) => `${scheme}://${h}/${segments.join('/')}`)

const someRules = fc
  .array(fc.tuple(patternText, fc.subarray(['GET', 'POST'])), { minLength: 1, maxLength: 12 })
  .map(made => made.map(([text, methods], i) => ruleOf(`r${i}`, patternOf(text), methods)))
const someUrls = fc.array(url, { minLength: 1, maxLength: 8 })

/** Patterns that share a counter of their tries. */
function createTryCounter() {
  const tries = { count: 0 }
  const counting = (text: string): MatchPattern => {
    const { execFromPrefix: _, ...pattern } = patternOf(text)
    return {
      ...pattern,
      exec: one => {
        tries.count++
        return pattern.exec(one)
      },
    }
  }
  return { counting, tries }
}

describe('find', () => {
  it('finds what trying all rules finds, for random rules and requests', () => {
    fc.assert(
      fc.property(someRules, someUrls, (compiled, urls) => {
        for (const one of urls) {
          const expected = scan(compiled, one, 'GET')
          const actual = outcome(compiled, requestOf(one))
          if (expected.startsWith('several')) {
            assert.equal(`several ${actual.match(/r\d+/g)?.length}`, expected, one)
          } else assert.equal(actual, expected, one)
        }
      }),
      { numRuns: 400 },
    )
  })

  it('requires only the origins and the path prefix of a pattern', () => {
    const byHand: MatchPattern = { text: '', origins: ['http://h'], pathPrefix: '/a', exec: () => ['x'] }
    assert.equal(outcome([ruleOf('r', byHand)], requestOf('http://h/ab')), 'r ["x"]')
    assert.equal(outcome([ruleOf('r', byHand)], requestOf('http://h/b')), 'no_rule')
  })

  it('tries a rule once, however often its literal text occurs', () => {
    let tries = 0
    const pattern: MatchPattern = {
      text: '',
      origins: undefined,
      pathPrefix: '',
      requiredSubstring: '/a',
      exec: () => {
        tries++
        return undefined
      },
    }
    assert.equal(outcome([ruleOf('r', pattern)], requestOf(`http://h${'/a'.repeat(50)}`)), 'no_rule')
    assert.equal(tries, 1)
  })

  it('does not try rules whose literal text is not in the URL', () => {
    const { counting, tries } = createTryCounter()
    const shapes = [
      '<https?>://svc#.example.com/api/r#/<[a-z]+>',
      '<https?>://<.*>/any/r#/<.*>',
      'http://<[^/]+>/p/r#/<.+>',
    ]
    const rules = Array.from({ length: 999 }, (_, i) =>
      ruleOf(`r${i}`, counting((shapes[i % 3] as string).replaceAll('#', String(i)))),
    )
    const snapshot = snapshotOf(rules)
    for (const one of [
      'http://svc3.example.com/api/r3/x',
      'https://q/any/r4/x',
      'http://q/p/r5/x',
      'http://q/none',
    ]) {
      snapshot.find(requestOf(one))
    }
    assert.equal(tries.count, 3)
  })

  it('ignores the case of methods, and denies where two rules match', () => {
    const rules = [
      ruleOf('one', patternOf('http://h/<.*>'), ['GET', 'PROPFIND']),
      ruleOf('two', patternOf('http://h/a'), ['GET']),
    ]
    assert.equal(outcome(rules, requestOf('http://h/a', 'PropFind')), 'one ["a"]')
    assert.equal(outcome(rules, requestOf('http://h/a', 'POST')), 'no_rule')
    assert.equal(outcome(rules, requestOf('http://h/a')), 'matching rules: one, two')
    assert.equal(outcome([], requestOf('http://h/a')), 'no_rule')
  })

  it('denies long URLs, and shorter ones where a pattern is slow or a newline could make it slow', () => {
    const any = [ruleOf('r', patternOf('http://h/<.*>'))]
    assert.equal(outcome(any, requestOf(`http://h/${'a'.repeat(16_000)}`)).slice(0, 2), 'r ')
    assert.equal(outcome(any, requestOf(`http://h/${'a'.repeat(16_400)}`)), 'bad_request')
    assert.equal(outcome(any, requestOf(`http://h/${'a'.repeat(600)}\n`)), 'bad_request')
    const slow = [ruleOf('r', patternOf('http://h/<.*>x<.*>y<.*>z'))]
    assert.equal(outcome(slow, requestOf(`http://h/${'a'.repeat(8000)}`)), 'bad_request')
    assert.equal(outcome(slow, requestOf('http://h/axbycz')), 'r ["a","b","c"]')
  })
})

describe('find with the policy firstMatch', () => {
  const choose = { matchPolicy: firstMatch }

  it('finds the first rule that trying all rules in order finds, for random rules and requests', () => {
    fc.assert(
      fc.property(someRules, someUrls, (compiled, urls) => {
        for (const one of urls) {
          const rule = compiled.find(({ methods, pattern }) => methods.has('GET') && pattern.exec(one))
          const expected =
            rule === undefined ? 'no_rule' : `${rule.id} ${JSON.stringify(rule.pattern.exec(one))}`
          assert.equal(outcome(compiled, requestOf(one), choose), expected, one)
        }
      }),
      { numRuns: 400 },
    )
  })

  it('tries no rule whose literal text is not in the URL, and none after the match', () => {
    const { counting, tries } = createTryCounter()
    const rules = Array.from({ length: 10_000 }, (_, i) =>
      ruleOf(`r${i}`, counting(`<https?>://h/api/r${i}/<[a-z]+>`)),
    )
    const all = [...rules, ruleOf('all', counting('<.*>://h/<.*>'))]
    assert.equal(outcome(all, requestOf('http://h/api/r7/x'), choose), 'r7 ["http","x"]')
    assert.ok(tries.count <= 2, `${tries.count} tries`)
    tries.count = 0
    assert.equal(outcome(all, requestOf('http://h/other'), choose), 'all ["http","other"]')
    assert.equal(tries.count, 1)
  })

  it('denies a URL that is too long for a pattern, unless an earlier rule matches', () => {
    const long = `http://h/${'a'.repeat(8000)}`
    const slow = ruleOf('slow', patternOf('http://h/<.*>x<.*>y<.*>z'))
    const any = ruleOf('any', patternOf('http://h/<.*>'))
    assert.equal(outcome([any, slow], requestOf(long), choose).slice(0, 4), 'any ')
    assert.equal(outcome([slow, any], requestOf(long), choose), 'bad_request')
  })

  it('has one order for RPC rules and URL rules', () => {
    const made = compileRpcPattern('h', '<.*>')
    assert.ok(!('fault' in made))
    const rpc = ruleOf('rpc', made.pattern, ['POST'], true)
    const all = ruleOf('url', patternOf('http://<.*>'), ['POST'])
    const call = requestOf('http://h/s/m', 'POST', 'application/grpc')
    assert.equal(outcome([rpc, all], call, choose), 'rpc ["s/m"]')
    assert.equal(outcome([all, rpc], call, choose), 'url ["h/s/m"]')
    const broad = ruleOf('broad', patternOf('http://<.*>'), ['POST'])
    assert.equal(outcome([rpc, all, broad], call, choose), 'rpc ["s/m"]')
  })
})

describe('the default rule', () => {
  const rule = ruleOf('default', patternOf('http://nowhere/'))
  const defaultMatch: RuleMatch = { kind: 'found', rule, captures: [] }
  const rules = [ruleOf('one', patternOf('http://h/a')), ruleOf('two', patternOf('http://h/<a|b>'))]

  it('decides requests that no other rule matches, whatever host and method', () => {
    assert.equal(outcome(rules, requestOf('http://h/c'), { defaultMatch }), 'default []')
    assert.equal(outcome(rules, requestOf('https://x/y', 'PATCH'), { defaultMatch }), 'default []')
    assert.equal(outcome(rules, requestOf('http://h/b'), { defaultMatch }), 'two ["b"]')
  })

  it('does not decide where two rules match, nor where the URL is too long', () => {
    assert.equal(outcome(rules, requestOf('http://h/a'), { defaultMatch }), 'matching rules: one, two')
    assert.equal(outcome(rules, requestOf(`http://h/${'a'.repeat(16_400)}`), { defaultMatch }), 'bad_request')
    const slow = [ruleOf('slow', patternOf('http://h/<.*>x<.*>y<.*>z'))]
    assert.equal(outcome(slow, requestOf(`http://h/${'a'.repeat(8000)}`), { defaultMatch }), 'bad_request')
  })

  it('decides gRPC calls, too', () => {
    const made = compileRpcPattern('h', 'some.Service/<.*>')
    assert.ok(!('fault' in made))
    const all = [...rules, ruleOf('rpc', made.pattern, ['POST'], true)]
    const call = (path: string) => requestOf(`http://h/${path}`, 'POST', 'application/grpc')
    assert.equal(outcome(all, call('some.Service/m'), { defaultMatch }), 'rpc ["m"]')
    assert.equal(outcome(all, call('other.Service/m'), { defaultMatch }), 'default []')
  })
})

describe('RPC rules', () => {
  const rpc = (authority: string, method: string, methods = ['POST']): CompiledRule => {
    const made = compileRpcPattern(authority, method)
    assert.ok(!('fault' in made))
    return ruleOf('rpc', made.pattern, methods, true)
  }
  const rules = [rpc('Shop.example.com', '<shop\\.v1\\.Orders>/<.*>')]
  const call = 'http://shop.example.com/shop.v1.Orders/Get'

  it('match gRPC requests only', () => {
    assert.equal(
      outcome(rules, requestOf(call, 'POST', 'application/grpc+proto')),
      'rpc ["shop.v1.Orders","Get"]',
    )
    assert.equal(outcome(rules, requestOf(call, 'POST', 'application/json')), 'no_rule')
    assert.equal(outcome(rules, requestOf(call, 'POST')), 'no_rule')
    assert.equal(outcome(rules, requestOf(call, 'GET', 'application/grpc')), 'no_rule')
    assert.equal(
      outcome(rules, requestOf('http://other/shop.v1.Orders/Get', 'POST', 'application/grpc')),
      'no_rule',
    )
  })

  it('match calls of Connect, and its GETs where allow_http_get adds the method', () => {
    const found = 'rpc ["shop.v1.Orders","Get"]'
    assert.equal(outcome(rules, requestOf(call, 'POST', 'application/connect+proto')), found)
    const get = `${call}?connect=v1&encoding=json&message=x`
    assert.equal(outcome(rules, requestOf(get, 'GET')), 'no_rule')
    const both = [rpc('shop.example.com', '<shop\\.v1\\.Orders>/<.*>', ['POST', 'GET'])]
    assert.equal(outcome(both, requestOf(get, 'GET')), found)
    assert.equal(outcome(both, requestOf(call, 'GET')), 'no_rule')
    assert.equal(outcome(both, requestOf(`${call}?connect=v12`, 'GET')), 'no_rule')
  })

  it('count together with URL rules', () => {
    const both = [...rules, ruleOf('url', patternOf('http://<.*>'), ['POST'])]
    assert.equal(outcome(both, requestOf(call, 'POST', 'application/grpc')), 'matching rules: url, rpc')
    assert.equal(outcome(both, requestOf(call, 'POST')).slice(0, 4), 'url ')
    const three = [...both, ruleOf('url2', patternOf('http://<.*>/Get'), ['POST'])]
    assert.match(outcome(three, requestOf(call, 'POST', 'application/grpc')), /^matching rules: url2?, url2?/)
    const slow = [...rules, ruleOf('slow', patternOf('http://<.*>x<.*>y<.*>z'), ['POST'])]
    const long = requestOf(`${call}${'t'.repeat(8000)}`, 'POST', 'application/grpc')
    assert.equal(outcome(slow, long), 'bad_request')
    const asUrl = ruleOf('url', patternOf('<.*>://shop.example.com/<.*>'), ['POST'])
    assert.equal(outcome([asUrl], requestOf(call, 'POST', 'application/grpc')).slice(0, 9), 'url ["htt')
  })
})
