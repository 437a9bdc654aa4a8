/** Types of values: what a file may contain, what a variable may contain, and what is reported otherwise. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { type Setting, setting } from '../../src/config/setting.ts'
import {
  constrained,
  duration,
  flag,
  httpUrl,
  jsonSchemaOf,
  list,
  oneOf,
  parseText,
  port,
  ratio,
  type TextForm,
  text,
  uniqueList,
  uniqueListOf,
  type ValueType,
  wholeNumber,
} from '../../src/config/value_types.ts'

const declare = (type: ValueType<unknown>): Setting<unknown> => setting('a.b', type, { description: '' })

const atLeastASecond = constrained(duration(), ms => ms >= 1_000, 'must be at least 1s', 'write 1s')
const longItems = constrained(list(), items => items.every(one => one.length > 2), 'must be longer', 'more')

for (const [name, type, valid, invalid] of [
  ['text', text(), ['', 'x'], [1, true, null, ['x']]],
  ['oneOf', oneOf('a', 'b', ''), ['a', ''], ['c', 1]],
  ['httpUrl', httpUrl(), ['http://h', 'https://h/p?q'], ['', 'h', '/p', 'ftp://h', 'http://a b']],
  ['wholeNumber', wholeNumber(), [-1, 0, 1], [1.5, '1', Number.NaN, 2 ** 53]],
  ['wholeNumber from 1', wholeNumber(1), [1], [0, -1]],
  ['port', port(), [0, 65_535], [-1, 65_536, '80']],
  ['ratio', ratio(), [0, 0.5, 1], [-0.1, 1.1, '0.5', Number.NaN]],
  ['flag', flag(), [true, false, 'yes', 'off'], [1, 'maybe']],
  ['duration', duration(), ['0s', '500ms', '1h'], ['1', '1.5s', '1m30s', 1]],
  ['list', list(), [[], ['a', 'a']], ['a', [1], [['a']]]],
  ['uniqueList', uniqueList(), [['a', 'b']], [['a', 'a'], [1]]],
  ['uniqueListOf', uniqueListOf(['GET'], 'methods'), [['GET']], [['PUT'], ['GET', 'GET']]],
] as const satisfies readonly (readonly [
  string,
  ValueType<unknown>,
  readonly unknown[],
  readonly unknown[],
])[]) {
  test(`${name} accepts what its JSON Schema describes, and reports the rest by one sentence`, () => {
    const { parse } = declare(type)
    for (const value of valid) assert.ok('value' in parse(value), JSON.stringify(value))
    for (const value of invalid) {
      assert.deepEqual(
        parse(value),
        { problems: [{ message: `must be ${type.expected}`, hint: '' }] },
        JSON.stringify(value),
      )
    }
    assert.ok(Object.keys(jsonSchemaOf(type)).length > 0)
    assert.doesNotMatch(JSON.stringify(jsonSchemaOf(type)), /\$schema|9007199254740991/)
  })
}

test('a constraint is checked once the type is right, and reported with its own message and hint', () => {
  assert.deepEqual(declare(atLeastASecond).parse('2s'), { value: 2_000 })
  assert.deepEqual(declare(atLeastASecond).parse('1ms'), {
    problems: [{ message: 'must be at least 1s', hint: 'write 1s' }],
  })
  for (const value of ['x', 1]) {
    assert.deepEqual(declare(atLeastASecond).parse(value), {
      problems: [{ message: 'must be a duration such as 500ms, 10s or 1m', hint: '' }],
    })
  }
  assert.deepEqual(declare(longItems).parse(['a', 1]), {
    problems: [{ message: 'must be a list of strings', hint: '' }],
  })
})

test('every constraint that does not hold is reported', () => {
  const both = constrained(longItems, items => items.length < 2, 'must be one', 'fewer')
  assert.deepEqual(declare(both).parse(['a', 'b']), {
    problems: [
      { message: 'must be longer', hint: 'more' },
      { message: 'must be one', hint: 'fewer' },
    ],
  })
})

for (const [form, written, expected] of [
  ['text', '', ''],
  ['integer', '-12', -12],
  ['integer', '1.0', undefined],
  ['integer', '', undefined],
  ['number', '0.5', 0.5],
  ['number', ' ', undefined],
  ['boolean', 'YES', true],
  ['boolean', 'f', false],
  ['boolean', '2', undefined],
  ['list', 'a,"b,c","d""e"\n', ['a', 'b,c', 'd"e']],
  ['list', '["a"]', ['a']],
  ['list', '[a]', undefined],
  ['json', '{"a": 1}', { a: 1 }],
  ['json', '1', undefined],
] as const satisfies readonly (readonly [TextForm, string, unknown])[]) {
  test(`${JSON.stringify(written)} as ${form} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(parseText(written, form), expected)
  })
}
