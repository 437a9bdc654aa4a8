/** lib/gjson — gjson's path language: compiled once, looked up often. Knows nothing of access control. Own properties only (H3). */
import { modifierOf } from './modifiers.ts'
import {
  closing,
  cutAtPipe,
  cutIndex,
  cutKey,
  cutMembers,
  cutModifier,
  type ListPart,
  lastName,
  type Member,
} from './path.ts'
import { compileCondition } from './query.ts'
import { type Found, isRecord, type JsonValue, parseJson, type Step, wildcardOf } from './value.ts'

export type { JsonValue }

/** What gjson 1.19 finds in a document. A path that cannot be read is read as far as gjson reads it; mostly it finds nothing. */
export function compileGjson(path: string): (document: JsonValue) => JsonValue | undefined {
  return new Compiler().path(path)
}

/** A walk downwards: what it found, and the pipe that it came to, which then takes even what is missing. */
interface Walk {
  found: Found
  pipe: Step | undefined
}
/** Goes into an object or a list; whether the search is over. */
type Level = (value: JsonValue, walk: Walk) => boolean

/** The same rest of a path is met once as a key and once as an index, so each is compiled once and remembered. */
class Compiler {
  readonly #paths = new Map<string, Step>()
  readonly #levels = new Map<string, Level>()

  path(path: string): Step {
    return once(this.#paths, path, () => this.#path(path))
  }

  #path(path: string): Step {
    if (path.length > 1) {
      if (path[0] === '@') {
        const cut = cutModifier(path)
        if (cut !== undefined) {
          const modify = modifierOf(cut.name, cut.argument, cut.rest === '', inner => this.path(inner))
          return this.#then(modify, cut.rest)
        }
      } else if (path[0] === '!') {
        const fixed = staticValue(path.slice(1))
        if (fixed !== undefined) return this.#then(() => fixed.value, fixed.rest)
      } else if (path[0] === '{' || path[0] === '[') {
        const cut = cutMembers(path)
        if (cut === undefined) return this.path('')
        if (cut.rest !== '' && !/^[.|]/.test(cut.rest)) return this.path(cut.rest)
        return this.#then(this.#multipath(cut.members, path[0] === '['), cut.rest)
      }
    }
    if (path.startsWith('..')) {
      const list = this.#list(path.slice(2))
      return search((value, walk) => list(value === undefined ? [] : [value], walk))
    }
    const level = this.#level(path)
    return search((value, walk) => value !== undefined && level(value, walk))
  }

  /** Goes on after a dot or a pipe; anything else that follows is not looked at. */
  #then(first: Step, rest: string): Step {
    if (!/^[.|]/.test(rest)) return first
    const next = this.path(rest.slice(1))
    return value => next(first(value))
  }

  #multipath(members: readonly Member[], list: boolean): Step {
    const compiled = members.map(({ name, path }) => ({
      name: name === undefined || name === '' ? lastName(path) : memberName(name),
      find: this.path(path),
    }))
    return value => {
      const found = compiled.flatMap(({ name, find }) => {
        const one = find(value)
        return one === undefined ? [] : [[name, one] as const]
      })
      return list ? found.map(([, one]) => one) : Object.fromEntries(found)
    }
  }

  #level(path: string): Level {
    return once(this.#levels, path, () => {
      const inObject = this.#object(path)
      const inList = this.#list(path)
      return (value, walk) => {
        if (Array.isArray(value)) return inList(value, walk)
        return isRecord(value) && inObject(value, walk)
      }
    })
  }

  #object(path: string): (object: { readonly [key: string]: JsonValue }, walk: Walk) => boolean {
    const { part, next, pipe, wild } = cutKey(path)
    const after = pipe === undefined ? undefined : this.path(pipe)
    const deeper = next === undefined ? undefined : this.#level(next)
    const enter = (one: JsonValue, walk: Walk): boolean => {
      if (deeper !== undefined) return deeper(one, walk)
      walk.found = one
      return true
    }
    const fits = wild ? wildcardOf(part) : undefined
    return (object, walk) => {
      if (after !== undefined) walk.pipe = after
      if (fits === undefined) return Object.hasOwn(object, part) && enter(object[part] as JsonValue, walk)
      // A key that fits but leads nowhere is passed over for the next one.
      return Object.entries(object).some(([key, one]) => fits(key) && enter(one, walk))
    }
  }

  #list(path: string): (list: readonly JsonValue[], walk: Walk) => boolean {
    const cut = cutIndex(path)
    const after = cut.pipe === undefined ? undefined : this.path(cut.pipe)
    const look = this.#inList(cut)
    if (after === undefined) return look
    return (list, walk) => {
      walk.pipe = after
      return look(list, walk)
    }
  }

  #inList(cut: ListPart): (list: readonly JsonValue[], walk: Walk) => boolean {
    if (cut.query !== undefined) return this.#query(cut)
    if (cut.hash) {
      if (cut.part !== '#') return () => false
      if (cut.each !== undefined) return this.#each(cut.each)
      return (list, walk) => {
        walk.found = list.length
        return true
      }
    }
    const index = /^\d+$/.test(cut.part) ? Number(cut.part) : -1
    const deeper = cut.next === undefined ? undefined : this.#level(cut.next)
    return (list, walk) => {
      const one = list[index]
      if (one === undefined) return false
      if (deeper !== undefined) return deeper(one, walk)
      walk.found = one
      return true
    }
  }

  /** `#.path`: what the path finds in each element, null and lists as they are; elements where it finds nothing are left out. */
  #each(path: string): (list: readonly JsonValue[], walk: Walk) => boolean {
    const { find, after } = this.#upToPipe(path)
    return (list, walk) => {
      if (after !== undefined) walk.pipe = after
      walk.found = list.map(find).filter(found => found !== undefined)
      return true
    }
  }

  #upToPipe(path: string): { find: Step; after: Step | undefined } {
    const cut = cutAtPipe(path)
    if (cut === undefined) return { find: this.path(path), after: undefined }
    return { find: this.path(cut.before), after: this.path(cut.after) }
  }

  /** `#(…)` is the first that fits, whatever it then holds; `#(…)#` all. */
  #query({ query, next }: ListPart): (list: readonly JsonValue[], walk: Walk) => boolean {
    if (query === undefined) return () => false
    const subject = this.path(query.path)
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
        if (onward?.after !== undefined) walk.pipe = onward.after
        const found = onward === undefined ? one : onward.find(one)
        if (!query.all) {
          walk.found = found
          return true
        }
        if (found !== undefined) all.push(found)
      }
      // Not the end of the search: among keys with wildcards, a later one may still lead somewhere.
      if (query.all) walk.found ??= all
      return false
    }
  }
}

function once<T>(memory: Map<string, T>, key: string, make: () => T): T {
  const known = memory.get(key)
  if (known !== undefined) return known
  const made = make()
  memory.set(key, made)
  return made
}

/** A whole search from a value down, and what its pipe makes of the find. */
const search =
  (start: (value: Found, walk: Walk) => boolean): Step =>
  value => {
    const walk: Walk = { found: undefined, pipe: undefined }
    start(value, walk)
    return walk.pipe === undefined ? walk.found : walk.pipe(walk.found)
  }

/** Before the colon of a member: a JSON text, or just a name. */
function memberName(written: string): string {
  const read = written.startsWith('"') ? parseJson(written) : undefined
  return typeof read === 'string' ? read : written
}

/** `!"text"`, `!1`, `!{"a":1}`, `!true`: a value that stands in the path itself. A text or a number takes all that follows. */
function staticValue(text: string): { readonly value: Found; readonly rest: string } | undefined {
  const word = /^(true|false|null)(?=[.|]|$)/i.exec(text)?.[1]
  if (word !== undefined) return { value: parseJson(word.toLowerCase()), rest: text.slice(word.length) }
  const end = /^[{[]/.test(text) ? closing(text, 0) : text.length
  const read = /^(?:"(?:[^"\\]|\\.)*"|[-+\d][^\s,\]}]*|[{[].*)/s.exec(text.slice(0, end))?.[0]
  return read === undefined ? undefined : { value: parseJson(read), rest: text.slice(end) }
}
