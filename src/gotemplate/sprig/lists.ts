/** sprig's functions on lists. */
import { assertListLength, compareStrings, consumeSteps, GoError } from '../../golang/index.ts'
import { sprint } from '../values/format.ts'
import { type FunctionTable, type GoFunction, goFunc } from '../values/signature.ts'
import { GoSlice, type GoValue, goInt, goSlice, isSlice, kindName, nilSlice } from '../values/value.ts'
import { deepEqual, isEmpty, stringSlice, toInt64, toStrings } from './cast.ts'

function listOf(value: GoValue, what: string): readonly GoValue[] {
  if (isSlice(value)) {
    assertListLength(value.length)
    return value
  }
  throw new GoError(`Cannot ${what} on type ${kindName(value)}`)
}
/** A plain array is an `[]interface {}`; checks its length. */
const checkedList = (items: readonly GoValue[]): readonly GoValue[] => {
  assertListLength(items.length)
  return items
}
const NIL_LIST = nilSlice()

const push = goFunc(['any', 'any'], (list, item) => checkedList([...listOf(list, 'push'), item]))
const prepend = goFunc(['any', 'any'], (list, item) => checkedList([item, ...listOf(list, 'prepend')]))
const first = goFunc(['any'], list => listOf(list, 'find first')[0] ?? null)
const last = goFunc(['any'], list => listOf(list, 'find last').at(-1) ?? null)
const rest = goFunc(['any'], list => {
  const items = listOf(list, 'find rest')
  return items.length === 0 ? NIL_LIST : [...items].slice(1)
})
const initial = goFunc(['any'], list => {
  const items = listOf(list, 'find initial')
  return items.length === 0 ? NIL_LIST : [...items].slice(0, -1)
})
const reverse = goFunc(['any'], list => [...listOf(list, 'find reverse')].reverse())
const compact = goFunc(['any'], list => [...listOf(list, 'compact')].filter(item => !isEmpty(item)))
const uniq = goFunc(['any'], list => {
  const out: GoValue[] = []
  for (const item of listOf(list, 'find uniq')) {
    if (!out.some(known => deepEqual(item, known))) out.push(item)
  }
  return out
})
const without = goFunc(['any', '...any'], (list, ...omit) =>
  [...listOf(list, 'find without')].filter(item => !omit.some(one => deepEqual(one, item))),
)
const has = goFunc(
  ['any', 'any'],
  (needle, haystack) =>
    haystack !== null && listOf(haystack, 'find has').some(item => deepEqual(needle, item)),
)
const slice = goFunc(['any', '...any'], (list, ...indices) => {
  const items = listOf(list, 'slice')
  if (items.length === 0) return null
  const start = indices.length > 0 ? Number(toInt64(indices[0])) : 0
  const end = indices.length > 1 ? Number(toInt64(indices[1])) : items.length
  if (start < 0 || end > items.length || start > end) throw new GoError('slice bounds out of range')
  const part = items.slice(start, end)
  return items instanceof GoSlice ? goSlice(items.type, part) : part
})
const chunk = goFunc(['int', 'any'], (size, list) => {
  const items = listOf(list, 'chunk')
  if (size < 1 && items.length > 0) throw new GoError('chunks need a size')
  const out: GoValue[] = []
  consumeSteps(Math.ceil(items.length / Math.max(1, size)) * 4)
  for (let i = 0; i < items.length; i += size) out.push([...items.slice(i, i + size)])
  return goSlice('[][]interface {}', out)
})

/** `name` and `mustName`: Go's first panics where the second returns an error; here both throw. */
export const withMustVariant = (name: string, run: GoFunction): Record<string, GoFunction> => ({
  [name]: run,
  [`must${(name[0] as string).toUpperCase()}${name.slice(1)}`]: run,
})

const integers = (start: number, stop: number, step: number): number[] => {
  const out: number[] = []
  if (stop < start ? step >= 0 : step <= 0) return out
  for (let i = start; stop < start ? i > stop : i < stop; i += step) {
    out.push(i)
    assertListLength(out.length > 1000 && out.length % 1000 === 0 ? out.length : 1)
  }
  return out
}

const ints = (numbers: readonly number[]): GoSlice => goSlice('[]int', numbers.map(goInt))

export const LIST_FUNCTIONS: FunctionTable = {
  ...withMustVariant('append', push),
  ...withMustVariant('push', push),
  ...withMustVariant('prepend', prepend),
  ...withMustVariant('first', first),
  ...withMustVariant('last', last),
  ...withMustVariant('rest', rest),
  ...withMustVariant('initial', initial),
  ...withMustVariant('reverse', reverse),
  ...withMustVariant('compact', compact),
  ...withMustVariant('uniq', uniq),
  ...withMustVariant('without', without),
  ...withMustVariant('has', has),
  ...withMustVariant('slice', slice),
  ...withMustVariant('chunk', chunk),
  list: goFunc(['...any'], (...items) => items),
  tuple: goFunc(['...any'], (...items) => items),
  concat: goFunc(['...any'], (...lists) => {
    const out: GoValue[] = []
    for (const list of lists) {
      for (const item of listOf(list, 'concat')) out.push(item)
      assertListLength(out.length)
    }
    return out.length === 0 ? NIL_LIST : out
  }),
  sortAlpha: goFunc(['any'], list =>
    stringSlice(isSlice(list) ? [...toStrings(list)].sort(compareStrings) : [sprint(list)]),
  ),
  join: goFunc(['string', 'any'], (by, list) => toStrings(list).join(by)),
  toStrings: goFunc(['any'], list => stringSlice(toStrings(list))),
  until: goFunc(['int'], count => ints(integers(0, count, count < 0 ? -1 : 1))),
  untilStep: goFunc(['int', 'int', 'int'], (start, stop, step) => ints(integers(start, stop, step))),
  seq: goFunc(['...int'], (...params) => {
    const [a = 0, b = 0, c = 0] = params
    const [start, end, step] = params.length === 1 ? [1, a, 0] : params.length === 2 ? [a, b, 0] : [a, c, b]
    if (params.length < 1 || params.length > 3) return ''
    const way = end < start ? -1 : 1
    if (params.length === 3 && way < 0 && step > 0) return ''
    return integers(start, end + way, params.length === 3 ? step : way).join(' ')
  }),
}
