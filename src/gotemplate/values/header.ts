/** Go's `http.Header` with the methods that templates can call. */
import { signature } from './signature.ts'
import { GoMap, type GoMethod, type GoValue, goSlice, type MapType, nilSlice } from './value.ts'

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/

/** Go's `textproto.CanonicalMIMEHeaderKey`: `x-lower-CASE` becomes `X-Lower-Case`, and `X_Under` becomes `X_under`. */
function canonicalHeaderName(name: string): string {
  if (!TOKEN.test(name)) return name
  return name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_all, dash: string, letter: string) => dash + letter.toUpperCase())
}

const NIL_VALUES = nilSlice('[]string')
const values = (map: GoMap, name: unknown): readonly string[] =>
  (map.entries.get(canonicalHeaderName(name as string)) as readonly string[] | undefined) ?? []
const noResult = (...parameters: 'string'[]): GoMethod<never> => ({ signature: signature(parameters) })

const HEADER_TYPE: MapType = {
  name: 'http.Header',
  zero: NIL_VALUES,
  methods: new Map<string, GoMethod<GoMap>>([
    ['Get', { signature: signature(['string']), run: (map, [name]) => values(map, name)[0] ?? '' }],
    [
      'Values',
      {
        signature: signature(['string']),
        run: (map, [name]) => {
          const found = values(map, name)
          return found.length === 0 ? NIL_VALUES : found
        },
      },
    ],
    ['Clone', { signature: signature([]), run: map => map }],
    ['Add', noResult('string', 'string')],
    ['Set', noResult('string', 'string')],
    ['Del', noResult('string')],
  ]),
}

/** Creates an `http.Header`. `lines` is called on first access; `undefined` creates the nil header. */
export function goHeader(lines: (() => Iterable<readonly [name: string, value: string]>) | undefined): GoMap {
  if (lines === undefined) return new GoMap(HEADER_TYPE, new Map(), true)
  return new GoMap(HEADER_TYPE, () => {
    const entries = new Map<string, GoValue>()
    for (const [name, value] of lines()) {
      const key = canonicalHeaderName(name)
      const known = entries.get(key) as GoValue[] | undefined
      if (known === undefined) entries.set(key, goSlice('[]string', [value]))
      else known.push(value)
    }
    return entries
  })
}
