/** lib/template_sprig_lists — sprig's functions on lists. Knows nothing of access control. */
import { boundList, Fault } from '../../golang/index.ts'
import { sprint } from '../values/format.ts'
import { type FunctionTable, fn, type GoFunction } from '../values/signature.ts'
import { compareText, int, isSlice, kindName, nilSlice, Slice, sliceOf, type Value } from '../values/value.ts'
import { deepEqual, empty, strings, toInt64, toStrings } from './cast.ts'

function listOf(value: Value, what: string): readonly Value[] {
  if (isSlice(value)) {
    boundList(value.length)
    return value
  }
  throw new Fault(`Cannot ${what} on type ${kindName(value)}`)
}
/** Elements as `[]interface {}`, of which a plain array is one. */
const any = (items: readonly Value[]): readonly Value[] => {
  boundList(items.length)
  return items
}
const NIL = nilSlice()

const push = fn(['any', 'any'], (list, item) => any([...listOf(list, 'push'), item]))
const prepend = fn(['any', 'any'], (list, item) => any([item, ...listOf(list, 'prepend')]))
const first = fn(['any'], list => listOf(list, 'find first')[0] ?? null)
const last = fn(['any'], list => listOf(list, 'find last').at(-1) ?? null)
const rest = fn(['any'], list => {
  const items = listOf(list, 'find rest')
  return items.length === 0 ? NIL : [...items].slice(1)
})
const initial = fn(['any'], list => {
  const items = listOf(list, 'find initial')
  return items.length === 0 ? NIL : [...items].slice(0, -1)
})
const reverse = fn(['any'], list => [...listOf(list, 'find reverse')].reverse())
const compact = fn(['any'], list => [...listOf(list, 'compact')].filter(item => !empty(item)))
const uniq = fn(['any'], list => {
  const out: Value[] = []
  for (const item of listOf(list, 'find uniq')) {
    if (!out.some(known => deepEqual(item, known))) out.push(item)
  }
  return out
})
const without = fn(['any', '...any'], (list, ...omit) =>
  [...listOf(list, 'find without')].filter(item => !omit.some(one => deepEqual(one, item))),
)
const has = fn(
  ['any', 'any'],
  (needle, haystack) =>
    haystack !== null && listOf(haystack, 'find has').some(item => deepEqual(needle, item)),
)
const slice = fn(['any', '...any'], (list, ...indices) => {
  const items = listOf(list, 'slice')
  if (items.length === 0) return null
  const start = indices.length > 0 ? Number(toInt64(indices[0])) : 0
  const end = indices.length > 1 ? Number(toInt64(indices[1])) : items.length
  if (start < 0 || end > items.length || start > end) throw new Fault('slice bounds out of range')
  const part = items.slice(start, end)
  return items instanceof Slice ? sliceOf(items.type, part) : part
})
const chunk = fn(['int', 'any'], (size, list) => {
  const items = listOf(list, 'chunk')
  if (size < 1 && items.length > 0) throw new Fault('chunks need a size')
  const out: Value[] = []
  for (let i = 0; i < items.length; i += size) out.push([...items.slice(i, i + size)])
  return sliceOf('[][]interface {}', out)
})

/** `name` and `mustName`, which differ in Go in how they fail and here not at all. */
const both = (name: string, run: GoFunction): Record<string, GoFunction> => ({
  [name]: run,
  [`must${(name[0] as string).toUpperCase()}${name.slice(1)}`]: run,
})

const integers = (start: number, stop: number, step: number): number[] => {
  const out: number[] = []
  if (stop < start ? step >= 0 : step <= 0) return out
  for (let i = start; stop < start ? i > stop : i < stop; i += step) {
    out.push(i)
    boundList(out.length > 1000 && out.length % 1000 === 0 ? out.length : 1)
  }
  return out
}

const ints = (numbers: readonly number[]): Slice => sliceOf('[]int', numbers.map(int))

export const LISTS: FunctionTable = {
  ...both('append', push),
  ...both('push', push),
  ...both('prepend', prepend),
  ...both('first', first),
  ...both('last', last),
  ...both('rest', rest),
  ...both('initial', initial),
  ...both('reverse', reverse),
  ...both('compact', compact),
  ...both('uniq', uniq),
  ...both('without', without),
  ...both('has', has),
  ...both('slice', slice),
  ...both('chunk', chunk),
  list: fn(['...any'], (...items) => items),
  tuple: fn(['...any'], (...items) => items),
  concat: fn(['...any'], (...lists) => {
    const out: Value[] = []
    for (const list of lists) {
      for (const item of listOf(list, 'concat')) out.push(item)
      boundList(out.length)
    }
    return out.length === 0 ? NIL : out
  }),
  sortAlpha: fn(['any'], list =>
    strings(isSlice(list) ? [...toStrings(list)].sort(compareText) : [sprint(list)]),
  ),
  join: fn(['string', 'any'], (by, list) => toStrings(list).join(by)),
  toStrings: fn(['any'], list => strings(toStrings(list))),
  until: fn(['int'], count => ints(integers(0, count, count < 0 ? -1 : 1))),
  untilStep: fn(['int', 'int', 'int'], (start, stop, step) => ints(integers(start, stop, step))),
  seq: fn(['...int'], (...params) => {
    const [a = 0, b = 0, c = 0] = params
    const [start, end, step] = params.length === 1 ? [1, a, 0] : params.length === 2 ? [a, b, 0] : [a, c, b]
    if (params.length < 1 || params.length > 3) return ''
    const way = end < start ? -1 : 1
    if (params.length === 3 && way < 0 && step > 0) return ''
    return integers(start, end + way, params.length === 3 ? step : way).join(' ')
  }),
}
