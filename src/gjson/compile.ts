/** lib/gjson — gjson's path language: compiled once, looked up often. Knows nothing of access control. Own properties only (H3). */
import { compileModifier } from './modifiers.ts'
import {
  indexAfterClosing,
  type ListSegment,
  lastKey,
  type MultipathMember,
  parseKeySegment,
  parseListSegment,
  parseModifier,
  parseMultipath,
  splitAtPipe,
} from './path.ts'
import { compileCondition } from './query.ts'
import {
  compileWildcard,
  type GjsonLookup,
  type GjsonResult,
  isRecord,
  type JsonValue,
  tryParseJson,
} from './value.ts'

export type { JsonValue }

/** What gjson 1.19 finds in a document. A path that cannot be read is read as far as gjson reads it; mostly it finds nothing. */
export function compileGjson(path: string): (document: JsonValue) => JsonValue | undefined {
  return new PathCompiler().compile(path)
}

/** A walk downwards: what it found, and the pipe that it came to, which then takes even what is missing. */
interface Search {
  result: GjsonResult
  onPipe: GjsonLookup | undefined
}
/** Goes into an object or a list; whether the search is over. */
type Descent = (value: JsonValue, walk: Search) => boolean

/** The same rest of a path is met once as a key and once as an index, so each is compiled once and remembered. */
class PathCompiler {
  readonly #paths = new Map<string, GjsonLookup>()
  readonly #levels = new Map<string, Descent>()

  compile(path: string): GjsonLookup {
    return memoize(this.#paths, path, () => this.#path(path))
  }

  #path(path: string): GjsonLookup {
    if (path.length > 1) {
      if (path[0] === '@') {
        const cut = parseModifier(path)
        if (cut !== undefined) {
          const modify = compileModifier(cut.name, cut.argument, cut.rest === '', inner =>
            this.compile(inner),
          )
          return this.#then(modify, cut.rest)
        }
      } else if (path[0] === '!') {
        const fixed = parseStaticValue(path.slice(1))
        if (fixed !== undefined) return this.#then(() => fixed.value, fixed.rest)
      } else if (path[0] === '{' || path[0] === '[') {
        const cut = parseMultipath(path)
        if (cut === undefined) return this.compile('')
        if (cut.rest !== '' && !/^[.|]/.test(cut.rest)) return this.compile(cut.rest)
        return this.#then(this.#multipath(cut.members, path[0] === '['), cut.rest)
      }
    }
    if (path.startsWith('..')) {
      const list = this.#list(path.slice(2))
      return createSearch((value, walk) => list(value === undefined ? [] : [value], walk))
    }
    const level = this.#level(path)
    return createSearch((value, walk) => value !== undefined && level(value, walk))
  }

  /** Goes on after a dot or a pipe; anything else that follows is not looked at. */
  #then(first: GjsonLookup, rest: string): GjsonLookup {
    if (!/^[.|]/.test(rest)) return first
    const next = this.compile(rest.slice(1))
    return value => next(first(value))
  }

  #multipath(members: readonly MultipathMember[], list: boolean): GjsonLookup {
    const compiled = members.map(({ name, path }) => ({
      name: name === undefined || name === '' ? lastKey(path) : parseMemberName(name),
      find: this.compile(path),
    }))
    return value => {
      const found = compiled.flatMap(({ name, find }) => {
        const one = find(value)
        return one === undefined ? [] : [[name, one] as const]
      })
      return list ? found.map(([, one]) => one) : Object.fromEntries(found)
    }
  }

  #level(path: string): Descent {
    return memoize(this.#levels, path, () => {
      const inObject = this.#object(path)
      const inList = this.#list(path)
      return (value, walk) => {
        if (Array.isArray(value)) return inList(value, walk)
        return isRecord(value) && inObject(value, walk)
      }
    })
  }

  #object(path: string): (object: { readonly [key: string]: JsonValue }, walk: Search) => boolean {
    const { part, next, pipe, wild } = parseKeySegment(path)
    const after = pipe === undefined ? undefined : this.compile(pipe)
    const deeper = next === undefined ? undefined : this.#level(next)
    const enter = (one: JsonValue, walk: Search): boolean => {
      if (deeper !== undefined) return deeper(one, walk)
      walk.result = one
      return true
    }
    const fits = wild ? compileWildcard(part) : undefined
    return (object, walk) => {
      if (after !== undefined) walk.onPipe = after
      if (fits === undefined) return Object.hasOwn(object, part) && enter(object[part] as JsonValue, walk)
      // A key that fits but leads nowhere is passed over for the next one.
      return Object.entries(object).some(([key, one]) => fits(key) && enter(one, walk))
    }
  }

  #list(path: string): (list: readonly JsonValue[], walk: Search) => boolean {
    const cut = parseListSegment(path)
    const after = cut.pipe === undefined ? undefined : this.compile(cut.pipe)
    const look = this.#inList(cut)
    if (after === undefined) return look
    return (list, walk) => {
      walk.onPipe = after
      return look(list, walk)
    }
  }

  #inList(cut: ListSegment): (list: readonly JsonValue[], walk: Search) => boolean {
    if (cut.query !== undefined) return this.#query(cut)
    if (cut.hash) {
      if (cut.part !== '#') return () => false
      if (cut.each !== undefined) return this.#each(cut.each)
      return (list, walk) => {
        walk.result = list.length
        return true
      }
    }
    const index = /^\d+$/.test(cut.part) ? Number(cut.part) : -1
    const deeper = cut.next === undefined ? undefined : this.#level(cut.next)
    return (list, walk) => {
      const one = list[index]
      if (one === undefined) return false
      if (deeper !== undefined) return deeper(one, walk)
      walk.result = one
      return true
    }
  }

  /** `#.path`: what the path finds in each element, null and lists as they are; elements where it finds nothing are left out. */
  #each(path: string): (list: readonly JsonValue[], walk: Search) => boolean {
    const { find, after } = this.#upToPipe(path)
    return (list, walk) => {
      if (after !== undefined) walk.onPipe = after
      walk.result = list.map(find).filter(found => found !== undefined)
      return true
    }
  }

  #upToPipe(path: string): { find: GjsonLookup; after: GjsonLookup | undefined } {
    const cut = splitAtPipe(path)
    if (cut === undefined) return { find: this.compile(path), after: undefined }
    return { find: this.compile(cut.before), after: this.compile(cut.after) }
  }

  /** `#(…)` is the first that fits, whatever it then holds; `#(…)#` all. */
  #query({ query, next }: ListSegment): (list: readonly JsonValue[], walk: Search) => boolean {
    if (query === undefined) return () => false
    const subject = this.compile(query.path)
    const holds = compileCondition(query)
    const onward = next === undefined ? undefined : this.#upToPipe(next)
    const fits = (one: JsonValue): boolean => {
      if (typeof one === 'object' && one !== null) return holds(subject(one))
      return query.path === '' && holds(one)
    }
    return (list, walk) => {
      const all: JsonValue[] = []
      for (const one of list) {
        if (!fits(one)) continue
        if (onward?.after !== undefined) walk.onPipe = onward.after
        const found = onward === undefined ? one : onward.find(one)
        if (!query.all) {
          walk.result = found
          return true
        }
        if (found !== undefined) all.push(found)
      }
      // Not the end of the search: among keys with wildcards, a later one may still lead somewhere.
      if (query.all) walk.result ??= all
      return false
    }
  }
}

function memoize<T>(memo: Map<string, T>, key: string, make: () => T): T {
  const known = memo.get(key)
  if (known !== undefined) return known
  const made = make()
  memo.set(key, made)
  return made
}

/** A whole search from a value down, and what its pipe makes of the find. */
const createSearch =
  (start: (value: GjsonResult, walk: Search) => boolean): GjsonLookup =>
  value => {
    const walk: Search = { result: undefined, onPipe: undefined }
    start(value, walk)
    return walk.onPipe === undefined ? walk.result : walk.onPipe(walk.result)
  }

/** Before the colon of a member: a JSON text, or just a name. */
function parseMemberName(written: string): string {
  const read = written.startsWith('"') ? tryParseJson(written) : undefined
  return typeof read === 'string' ? read : written
}

/** `!"text"`, `!1`, `!{"a":1}`, `!true`: a value that stands in the path itself. A text or a number takes all that follows. */
function parseStaticValue(text: string): { readonly value: GjsonResult; readonly rest: string } | undefined {
  const word = /^(true|false|null)(?=[.|]|$)/i.exec(text)?.[1]
  if (word !== undefined) return { value: tryParseJson(word.toLowerCase()), rest: text.slice(word.length) }
  const end = /^[{[]/.test(text) ? indexAfterClosing(text, 0) : text.length
  const read = /^(?:"(?:[^"\\]|\\.)*"|[-+\d][^\s,\]}]*|[{[].*)/s.exec(text.slice(0, end))?.[0]
  return read === undefined ? undefined : { value: tryParseJson(read), rest: text.slice(end) }
}
