import assert from 'node:assert/strict'
import test from 'node:test'
import { type Diagnostic, formatDiagnostic } from '../../src/documents/diagnostic.ts'
import type { AccessRule } from '../../src/rules/document.ts'
import { parseRules, parseRulesInBatches } from '../../src/rules/parse.ts'

const diagnosticsOf = (text: string): readonly string[] =>
  parseRules(text, 'r').diagnostics.map(formatDiagnostic)
function rulesOf(text: string): readonly AccessRule[] {
  const { rules, diagnostics } = parseRules(text, 'r')
  assert.ok(rules !== undefined, diagnostics.map(formatDiagnostic).join('\n'))
  return rules.map(one => one.rule)
}
const firstRuleOf = (text: string): AccessRule => rulesOf(text)[0] as AccessRule

const FULL = `{"id":"r","match":{"url":"http://h/<.*>","methods":["GET"]},"authenticators":[{"handler":"noop"}],
"authorizer":{"handler":"allow"},"mutators":[{"handler":"noop"}]}`
const RULE: AccessRule = {
  id: 'r',
  version: '',
  description: '',
  match: {
    url: 'http://h/<.*>',
    methods: ['GET'],
    fullMethod: undefined,
    authority: undefined,
    allowHttpGet: false,
  },
  authenticators: [{ handler: 'noop', config: undefined }],
  authorizer: { handler: 'allow', config: undefined },
  authorizers: undefined,
  mutators: [{ handler: 'noop', config: undefined }],
  errors: undefined,
  upstream: { url: '', stripPath: '', preserveHost: false },
}

test('a second document is reported where it begins, and an empty one is not', async () => {
  const second = 'a second document begins here and is not read'
  const hint = 'remove the line "---", or write it to a file of its own'
  const text = `- ${FULL.replace('\n', ' ')}\n---\n- ${FULL.replace('\n', ' ')}\n`
  assert.deepEqual(diagnosticsOf(text), [`r:3:1: warning: ${second} (${hint})`])
  assert.equal(rulesOf(text).length, 1)
  for (const end of ['---\n', '---\n# end\n', '...\n'])
    assert.deepEqual(diagnosticsOf(`[${FULL}]\n${end}`), [])
  // Long texts are read in batches.
  const long = `${'- {id: r}\n'.repeat(9_000)}---\n- {id: s}\n`
  const { diagnostics } = await parseRulesInBatches(long, 'r', () => undefined)
  assert.deepEqual(diagnostics.map(formatDiagnostic), [`r:9002:1: warning: ${second} (${hint})`])
})

test('a Kubernetes resource is named as one, in one sentence', () => {
  const said = (text: string): string => diagnosticsOf(text).join('\n')
  const resource = 'apiVersion: oathkeeper.ory.sh/v1alpha1\nkind: Rule\nmetadata: {name: a}\nspec: {}\n'
  assert.equal(
    said(resource),
    'r:1:1: error: cannot decode rule 1: this is a Kubernetes resource (Rule), not a rule (its `spec` is the rule; Oathkeeper Maester writes the specs of all Rules to access-rules.json)',
  )
  assert.match(
    said('apiVersion: v1\nkind: ConfigMap\ndata: {}\n'),
    /\(ConfigMap\), not a rule \(the rules are a text in its `data`\)$/,
  )
  assert.match(
    said('- {apiVersion: v1, kind: Secret}\n'),
    /^r:1:3: error: cannot decode rule 1: this is a Kubernetes resource \(Secret\)/,
  )
})

test('omitted fields of a rule have defaults', () => {
  assert.deepEqual(rulesOf(`[${FULL}]`), [RULE])
})

test('a single rule without a list is accepted (Q-08)', () => {
  assert.deepEqual(rulesOf(FULL), [RULE])
})

test('YAML 1.1 booleans, merge keys and trailing commas are read as by Oathkeeper (Q-16)', () => {
  const rules = rulesOf(
    `- &a\n  id: yy\n  match: {url: "http://h/<.*>", methods: [GET,]}\n  upstream: {preserve_host: yes}\n` +
      '  authenticators: [{handler: noop}]\n- <<: *a\n  id: zz\n',
  )
  assert.deepEqual(
    rules.map(rule => rule.id),
    ['yy', 'zz'],
  )
  assert.equal(rules[1]?.upstream.preserveHost, true)
  assert.equal(rules[1]?.authenticators[0]?.handler, 'noop')
})

test('an empty document, null and an empty list have no rules', () => {
  for (const text of ['', 'null', '[]', '# nothing yet\n']) assert.deepEqual(rulesOf(text), [], text)
})

test('a config may be any value, and null counts as absent', () => {
  const { authenticators } = firstRuleOf(
    '[{"authenticators":[{"handler":"a","config":[1]},{"handler":"b","config":null},{"handler":"c","config":{"X.Dot":1}}]}]',
  )
  assert.deepEqual(
    authenticators.map(one => one.config),
    [[1], undefined, { 'X.Dot': 1 }],
  )
})

test('field names are case-insensitive, except match', () => {
  const rule = firstRuleOf(
    '[{"ID":"x","Authenticators":[{"Handler":"noop"}],"match":{"URL":"u","Full_Method":"/s/m"}}]',
  )
  assert.equal(rule.id, 'x')
  assert.equal(rule.authenticators[0]?.handler, 'noop')
  assert.equal(rule.match?.url, 'u')
  assert.equal(rule.match?.fullMethod, '/s/m')
})

test('configMapName, which Oathkeeper Maester writes, is accepted', () => {
  assert.deepEqual(diagnosticsOf('[{"id":"x","configMapName":"rules"}]'), [])
})

/** One rule that cannot be decoded rejects the document, with its number and the reason. */
const REJECTED: readonly (readonly [name: string, text: string, issue: string])[] = [
  [
    'an id that is a number',
    '[{"id":"a"},\n {"id":1}]',
    'r:2:8: error: id: cannot decode rule 2: must be a string, not a number (quote it)',
  ],
  [
    'an id that YAML reads as true',
    '- id: y\n',
    'r:1:7: error: id: cannot decode rule 1: must be a string, not a boolean (quote it)',
  ],
  [
    'a match that is a text',
    '[{"id":"q","match":"http://h"}]',
    'r:1:20: error: match: cannot decode rule 1: must be a map, not a string',
  ],
  [
    'a match in another case',
    '- id: q\n  Match: {url: u}\n',
    'r:2:10: error: Match: cannot decode rule 1: unknown field "Match" (write "match")',
  ],
  [
    'a version of two parts',
    '[{"version":"v0.36"}]',
    'r:1:13: error: version: cannot decode rule 1: not a semantic version such as v0.40.0',
  ],
  [
    'a version that is none',
    '[{"version":"foo"}]',
    'r:1:13: error: version: cannot decode rule 1: not a semantic version such as v0.40.0',
  ],
  [
    'authenticators that are a map',
    '- authenticators: {handler: noop}\n',
    'r:1:19: error: authenticators: cannot decode rule 1: must be a list, not a map',
  ],
  [
    'a method that is a number',
    '- match:\n    methods:\n      - GET\n      - 1\n',
    'r:4:9: error: match.methods[1]: cannot decode rule 1: must be a string, not a number (quote it)',
  ],
  [
    'a handler entry that is a text',
    '- mutators: [noop]\n',
    'r:1:14: error: mutators[0]: cannot decode rule 1: must be a map, not a string',
  ],
  ['a rule that is a text', '- x\n', 'r:1:3: error: cannot decode rule 1: a rule must be a map'],
]
for (const [name, text, issue] of REJECTED) {
  test(`${name} rejects the document`, () => {
    assert.equal(parseRules(text, 'r').rules, undefined)
    assert.deepEqual(diagnosticsOf(text), [issue])
  })
}

const LINTS: readonly (readonly [name: string, text: string, issue: string])[] = [
  [
    'a misspelt field',
    '- id: x\n  authenticator: []\n',
    'r:2:18: warning: authenticator: unknown field "authenticator" is ignored (did you mean "authenticators"?)',
  ],
  [
    'a misspelt field of match',
    '[{"match":{"url":"u","metods":[]}}]',
    'r:1:31: warning: match.metods: unknown field "metods" is ignored (did you mean "methods"?)',
  ],
  [
    'a field that is like none',
    '[{"zzzzzzzz":1}]',
    'r:1:14: warning: zzzzzzzz: unknown field "zzzzzzzz" is ignored (remove it)',
  ],
  [
    'a field beside handler',
    '[{"authorizer":{"handler":"allow","confg":{}}}]',
    'r:1:43: warning: authorizer.confg: unknown field "confg" is ignored (did you mean "config"?)',
  ],
  ['a duplicate key', '- id: a\n  id: b\n', 'r:2:3: warning: id: duplicate key "id" (the last one counts)'],
]
for (const [name, text, issue] of LINTS) {
  test(`${name} is reported, and the rule is used (Q-09)`, () => {
    assert.equal(rulesOf(text).length, 1)
    assert.deepEqual(diagnosticsOf(text), [issue])
  })
}

test('a text that is neither JSON nor YAML is one diagnostic with a position', () => {
  const { rules, diagnostics } = parseRules('[{"id":', 'r')
  assert.equal(rules, undefined)
  assert.equal(diagnostics.length, 1)
  assert.equal(diagnostics[0]?.line, 1)
  assert.equal(diagnostics[0]?.column, 8)
})

test('each rule has the positions of its values', () => {
  const { rules } = parseRules('- id: a\n- id: b\n  authorizer:\n    handler: allow\n', 'rules.yml')
  const location = rules?.[1]?.location
  assert.equal(location?.source, 'rules.yml')
  assert.deepEqual(location?.positionOf(['authorizer', 'handler']), { line: 4, column: 14 })
  assert.deepEqual(location?.positionOf(['mutators']), { line: 2, column: 3 })
})

test('positions are found for field names in any case', () => {
  const { rules } = parseRules('- ID: b\n  Authorizer:\n    handler: allow\n', 'r')
  assert.deepEqual(rules?.[0]?.location.positionOf(['authorizer', 'handler']), { line: 3, column: 14 })
})

test('invalid semantic versions reject the document', () => {
  for (const version of ['v01.2.3', '1.2.3-', '1.2.3-a..b', '1.2.3-01', '1.2.3+', 'v1.2.3.4', 'vv1.2.3']) {
    assert.equal(parseRules(JSON.stringify([{ version }]), 'r').rules, undefined, version)
  }
})

test('null in methods is an empty string, which no request has', () => {
  assert.deepEqual(firstRuleOf('[{"match":{"url":"http://h/","methods":["GET",null]}}]').match?.methods, [
    'GET',
    '',
  ])
})

test('future versions and a leading v are accepted', () => {
  for (const version of ['v99.0.0', '0.36.0-beta.4', 'v0.36.0+build.1', '']) {
    assert.equal(firstRuleOf(JSON.stringify([{ version }])).version, version)
  }
})

const byPosition = (a: Diagnostic, b: Diagnostic): number => a.line - b.line || a.column - b.column
const WRITERS: Readonly<Record<string, (i: number) => string>> = {
  JSON: i =>
    JSON.stringify(
      { id: `r${i}`, match: { url: `https://h/${i}/<.*>`, methods: ['GET'], metods: [] } },
      null,
      1,
    ),
  YAML: i => `- id: r${i}\n  match:\n    url: https://h/${i}/<.*>\n    metods: []\n  match: {url: x}\n`,
}
for (const [kind, rule] of Object.entries(WRITERS)) {
  const items = Array.from({ length: 2_000 }, (_, i) => rule(i))
  const text = kind === 'JSON' ? ` [\n${items.join(',')}]\n` : items.join('\n# and\n')

  test(`thousands of rules in ${kind} parse the same in batches and at once`, async () => {
    let pauses = 0
    const yieldToEventLoop = () => {
      pauses++
      return undefined
    }
    const whole = parseRules(text, 'r')
    const stepped = await parseRulesInBatches(text, 'r', yieldToEventLoop)
    assert.ok(pauses > 2_000)
    assert.deepEqual(stepped.diagnostics.toSorted(byPosition), whole.diagnostics.toSorted(byPosition))
    assert.deepEqual(
      stepped.rules?.map(one => one.rule),
      whole.rules?.map(one => one.rule),
    )
    for (const path of [[], ['id'], ['match', 'url']]) {
      assert.deepEqual(
        stepped.rules?.map(({ location }) => location.positionOf(path)),
        whole.rules?.map(({ location }) => location.positionOf(path)),
      )
    }
  })

  test(`a syntax error far down in ${kind} is reported the same in batches and at once`, async () => {
    const broken = text.replace('r1999', '"r1999')
    const stepped = await parseRulesInBatches(broken, 'r', () => undefined)
    assert.equal(stepped.rules, undefined)
    assert.deepEqual(stepped.diagnostics, parseRules(broken, 'r').diagnostics)
  })

  test(`a rule far down in ${kind} that cannot be decoded is reported by its number`, async () => {
    const wrong = kind === 'JSON' ? text.replace('"r1999"', '7') : text.replace('r1999', '7')
    const { rules, diagnostics } = await parseRulesInBatches(wrong, 'r', () => undefined)
    assert.equal(rules, undefined)
    const [error] = diagnostics.filter(one => one.severity === 'error').map(formatDiagnostic)
    assert.match(error ?? '', /: error: id: cannot decode rule 2000/)
  })
}
