/** Compiles a path of gjson to a function that finds its value in a document. */
import { isRecord, type JsonValue, parseUnboundedJson } from '../golang/index.ts'
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
import { compileWildcard, type GjsonLookup, type GjsonResult } from './value.ts'

/**
 * Compiles a path of gjson 1.19. The function returns `undefined` if the path finds nothing; it sees own members only. An
 * invalid path does not throw: it means what gjson makes of it, which is mostly nothing.
 */
export function compileGjson(path: string): (document: JsonValue) => JsonValue | undefined {
  return new PathCompiler().compile(path)
}

/** The state of one lookup: the result, and the lookup behind a pipe, which is applied even if nothing was found. */
interface Search {
  result: GjsonResult
  onPipe: GjsonLookup | undefined
}
/** Descends into an object or a list. Returns whether the search is complete. */
type Descent = (value: JsonValue, search: Search) => boolean

/** Memoizes, because the rest of a path is compiled for objects and for lists: without it, time is exponential. */
class PathCompiler {
  readonly #paths = new Map<string, GjsonLookup>()
  readonly #levels = new Map<string, Descent>()

  compile(path: string): GjsonLookup {
    return memoize(this.#paths, path, () => this.#path(path))
  }

  #path(path: string): GjsonLookup {
    if (path.length > 1) {
      if (path[0] === '@') {
        const parsed = parseModifier(path)
        if (parsed !== undefined) {
          const modify = compileModifier(parsed.name, parsed.argument, parsed.rest === '', inner =>
            this.compile(inner),
          )
          return this.#then(modify, parsed.rest)
        }
      } else if (path[0] === '!') {
        const fixed = parseStaticValue(path.slice(1))
        if (fixed !== undefined) return this.#then(() => fixed.value, fixed.rest)
      } else if (path[0] === '{' || path[0] === '[') {
        const parsed = parseMultipath(path)
        if (parsed === undefined) return this.compile('')
        if (parsed.rest !== '' && !/^[.|]/.test(parsed.rest)) return this.compile(parsed.rest)
        return this.#then(this.#multipath(parsed.members, path[0] === '['), parsed.rest)
      }
    }
    if (path.startsWith('..')) {
      const list = this.#list(path.slice(2))
      return createSearch((value, search) => list(value === undefined ? [] : [value], search))
    }
    const level = this.#level(path)
    return createSearch((value, search) => value !== undefined && level(value, search))
  }

  /** Continues after a dot or a pipe; gjson ignores anything else. */
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
      return (value, search) => {
        if (Array.isArray(value)) return inList(value, search)
        return isRecord(value) && inObject(value, search)
      }
    })
  }

  #object(path: string): (object: { readonly [key: string]: JsonValue }, search: Search) => boolean {
    const { part, next, pipe, wild } = parseKeySegment(path)
    const after = pipe === undefined ? undefined : this.compile(pipe)
    const deeper = next === undefined ? undefined : this.#level(next)
    const enter = (one: JsonValue, search: Search): boolean => {
      if (deeper !== undefined) return deeper(one, search)
      search.result = one
      return true
    }
    const fits = wild ? compileWildcard(part) : undefined
    return (object, search) => {
      if (after !== undefined) search.onPipe = after
      if (fits === undefined) return Object.hasOwn(object, part) && enter(object[part] as JsonValue, search)
      // If a matching key has no result, the next matching key is tried.
      return Object.entries(object).some(([key, one]) => fits(key) && enter(one, search))
    }
  }

  #list(path: string): (list: readonly JsonValue[], search: Search) => boolean {
    const parsed = parseListSegment(path)
    const after = parsed.pipe === undefined ? undefined : this.compile(parsed.pipe)
    const descend = this.#inList(parsed)
    if (after === undefined) return descend
    return (list, search) => {
      search.onPipe = after
      return descend(list, search)
    }
  }

  #inList(parsed: ListSegment): (list: readonly JsonValue[], search: Search) => boolean {
    if (parsed.query !== undefined) return this.#query(parsed)
    if (parsed.hash) {
      if (parsed.part !== '#') return () => false
      if (parsed.each !== undefined) return this.#each(parsed.each)
      return (list, search) => {
        search.result = list.length
        return true
      }
    }
    const index = /^\d+$/.test(parsed.part) ? Number(parsed.part) : -1
    const deeper = parsed.next === undefined ? undefined : this.#level(parsed.next)
    return (list, search) => {
      const one = list[index]
      if (one === undefined) return false
      if (deeper !== undefined) return deeper(one, search)
      search.result = one
      return true
    }
  }

  /** `#.path`: the results of the path in all elements, without the elements that have none. */
  #each(path: string): (list: readonly JsonValue[], search: Search) => boolean {
    const { find, after } = this.#upToPipe(path)
    return (list, search) => {
      if (after !== undefined) search.onPipe = after
      search.result = list.map(find).filter(found => found !== undefined)
      return true
    }
  }

  #upToPipe(path: string): { find: GjsonLookup; after: GjsonLookup | undefined } {
    const parsed = splitAtPipe(path)
    if (parsed === undefined) return { find: this.compile(path), after: undefined }
    return { find: this.compile(parsed.before), after: this.compile(parsed.after) }
  }

  /** `#(…)` selects the first element that matches, even if the rest finds nothing in it; `#(…)#` selects all. */
  #query({ query, next }: ListSegment): (list: readonly JsonValue[], search: Search) => boolean {
    if (query === undefined) return () => false
    const subject = this.compile(query.path)
    const holds = compileCondition(query)
    const onward = next === undefined ? undefined : this.#upToPipe(next)
    const fits = (one: JsonValue): boolean => {
      if (typeof one === 'object' && one !== null) return holds(subject(one))
      return query.path === '' && holds(one)
    }
    return (list, search) => {
      const all: JsonValue[] = []
      for (const one of list) {
        if (!fits(one)) continue
        if (onward?.after !== undefined) search.onPipe = onward.after
        const found = onward === undefined ? one : onward.find(one)
        if (!query.all) {
          search.result = found
          return true
        }
        if (found !== undefined) all.push(found)
      }
      // The search is not complete: after a key with wildcards, a later key may have a result.
      if (query.all) search.result ??= all
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

/** Runs a search and applies the lookup behind its pipe. */
const createSearch =
  (start: (value: GjsonResult, search: Search) => boolean): GjsonLookup =>
  value => {
    const search: Search = { result: undefined, onPipe: undefined }
    start(value, search)
    return search.onPipe === undefined ? search.result : search.onPipe(search.result)
  }

/** The name of a multipath member: a JSON string, or plain text. */
function parseMemberName(written: string): string {
  const read = written.startsWith('"') ? parseUnboundedJson(written) : undefined
  return typeof read === 'string' ? read : written
}

/** A literal in the path: `!"text"`, `!1`, `!{"a":1}`, `!true`. After a string or a number the rest is ignored. */
function parseStaticValue(text: string): { readonly value: GjsonResult; readonly rest: string } | undefined {
  const word = /^(true|false|null)(?=[.|]|$)/i.exec(text)?.[1]
  if (word !== undefined)
    return { value: parseUnboundedJson(word.toLowerCase()), rest: text.slice(word.length) }
  const end = /^[{[]/.test(text) ? indexAfterClosing(text, 0) : text.length
  const read = /^(?:"(?:[^"\\]|\\.)*"|[-+\d][^\s,\]}]*|[{[].*)/s.exec(text.slice(0, end))?.[0]
  return read === undefined ? undefined : { value: parseUnboundedJson(read), rest: text.slice(end) }
}
