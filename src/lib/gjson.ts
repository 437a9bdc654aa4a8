/** lib/gjson — gjson's path language: compiled once, looked up often. Knows nothing of access control. Own properties only (H3). */
import { modifierOf } from './gjson_modifiers.ts'
import { compileQuery } from './gjson_query.ts'
import { type Found, isRecord, type JsonValue, ownValue, type Step, wildcardOf } from './gjson_value.ts'

export type { JsonValue }

/** A path that cannot be read finds nothing, as in gjson; an empty path too. */
export function compileGjson(path: string): (document: JsonValue) => JsonValue | undefined {
  return compilePath(path)
}

/** One path up to its end; pipes and dots inside. */
function compilePath(path: string): Step {
  if (path === '') return () => undefined
  // A pipe ends what lists hand on to their elements: `a.#.b|#` counts what `a.#.b` found.
  const piped = cutAt(path, '|')
  if (piped !== undefined) return pipe(compilePath(piped.before), compilePath(piped.after))
  if (path[0] === '@') return compileModifier(path) ?? compileKeys(path)
  if (path[0] === '{' || path[0] === '[') return compileMultipath(path)
  return compileKeys(path)
}

function compileKeys(path: string): Step {
  const { part, rest } = cutPart(path)
  const own = compilePart(part)
  if (rest === undefined) return value => own(value, undefined)
  const next = compilePath(rest)
  return value => own(value, next)
}

const pipe =
  (first: Step, next: Step): Step =>
  value => {
    const found = first(value)
    return found === undefined ? undefined : next(found)
  }

/** A part, told what comes after it, because lists hand that on to each of their elements. */
type Part = (value: JsonValue, next: Step | undefined) => Found

function compilePart(part: string): Part {
  if (part === '#') {
    return (value, next) => {
      if (Array.isArray(value)) return next === undefined ? value.length : findEach(value, next)
      return goOn(ownValue(value, part), next)
    }
  }
  if (part.startsWith('#(')) return compileListQuery(part)
  const wildcard = wildcardOf(part)
  if (wildcard !== undefined) {
    return (value, next) => {
      if (!isRecord(value)) return undefined
      // A key that fits but leads nowhere is passed over for the next one.
      for (const [key, one] of Object.entries(value)) {
        const found = wildcard.test(key) ? goOn(one, next) : undefined
        if (found !== undefined) return found
      }
      return undefined
    }
  }
  const key = part.replace(/\\(.)/g, '$1')
  const index = /^\d+$/.test(key) ? Number(key) : -1
  return (value, next) => {
    if (Array.isArray(value)) return index < 0 ? undefined : goOn(value[index] as Found, next)
    return goOn(ownValue(value, key), next)
  }
}

const goOn = (found: Found, next: Step | undefined): Found =>
  found === undefined || next === undefined ? found : next(found)

/** What the path finds in each element, null and lists as they are; elements where it finds nothing are left out. */
const findEach = (list: readonly JsonValue[], next: Step): JsonValue[] =>
  list.map(next).filter(found => found !== undefined)

/** `#(…)` is the first that fits, `#(…)#` all. */
function compileListQuery(part: string): Part {
  if (!/\)#?$/.test(part)) return () => undefined
  const all = part.endsWith('#')
  const inner = part.slice(2, all ? -2 : -1)
  const fits = compileQuery(inner, compilePath)
  return (value, next) => {
    if (!Array.isArray(value)) return undefined
    if (all) {
      const found = value.filter(fits)
      return next === undefined ? found : findEach(found, next)
    }
    return goOn((value as readonly JsonValue[]).find(fits), next)
  }
}

/** The first part of a path without pipes, and what comes after its dot. */
function cutPart(path: string): { part: string; rest: string | undefined } {
  const cut = cutAt(path, '.')
  return cut === undefined ? { part: path, rest: undefined } : { part: cut.before, rest: cut.after }
}

/** At the first separator outside of brackets, quotes and escapes. */
function cutAt(path: string, separator: string): { before: string; after: string } | undefined {
  let depth = 0
  let quoted = false
  for (let i = 0; i < path.length; i++) {
    const character = path[i]
    if (character === '\\') i++
    else if (quoted) quoted = character !== '"'
    else if (character === '"' && depth > 0) quoted = true
    else if (character === '(' || character === '[' || character === '{') depth++
    else if (character === ')' || character === ']' || character === '}') depth--
    else if (depth === 0 && character === separator)
      return { before: path.slice(0, i), after: path.slice(i + 1) }
  }
  return undefined
}

/** `@name`, `@name:argument`; an argument in brackets or quotes may hold dots. Another name is a key, as in `@type`. */
function compileModifier(path: string): Step | undefined {
  const { part, rest } = cutPart(path)
  const colon = part.indexOf(':')
  const name = colon < 0 ? part.slice(1) : part.slice(1, colon)
  const modify = modifierOf(name, colon < 0 ? '' : part.slice(colon + 1), compilePath)
  if (modify === undefined) return undefined
  return rest === undefined ? modify : pipe(modify, compilePath(rest))
}

/** `{a,"name":b}` makes an object, `[a,b]` a list of what the paths find. */
function compileMultipath(path: string): Step {
  const { part, rest } = cutPart(path)
  const list = part.startsWith('[')
  const members = splitMembers(part.slice(1, -1)).map(member => {
    const named = /^\s*"((?:[^"\\]|\\.)*)"\s*:(.*)$/s.exec(member)
    const inner = named === null ? member.trim() : (named[2] as string).trim()
    return { name: named?.[1] ?? lastKey(inner), find: compilePath(inner) }
  })
  const collect: Step = value => {
    const found = members.flatMap(({ name, find }) => {
      const one = find(value)
      return one === undefined ? [] : [[name, one] as const]
    })
    return list ? found.map(([, one]) => one) : Object.fromEntries(found)
  }
  return rest === undefined ? collect : pipe(collect, compilePath(rest))
}

function lastKey(path: string): string {
  const key = path.split(/(?<!\\)[.|]/).at(-1) ?? ''
  return /^[^\0-\x1f[\]{}()#|!]+$/.test(key) ? key : '_'
}

function splitMembers(text: string): string[] {
  const members: string[] = []
  let depth = 0
  let quoted = false
  let from = 0
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '\\') i++
    else if (quoted) quoted = character !== '"'
    else if (character === '"') quoted = true
    else if (character === '(' || character === '[' || character === '{') depth++
    else if (character === ')' || character === ']' || character === '}') depth--
    else if (character === ',' && depth === 0) {
      members.push(text.slice(from, i))
      from = i + 1
    }
  }
  members.push(text.slice(from))
  return members.filter(member => member.trim() !== '')
}
