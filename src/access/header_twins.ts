/**
 * Removes headers of the client that applications read as a header that rules write: CGI, WSGI and PHP read
 * `X_User_Id` and `X.User-Id` as the variable of `X-User-Id`.
 */
import { headerNameProblem } from '../http/header_rules.ts'
import type { Allow } from './decision.ts'
import type { RequestView } from './request.ts'

/** Other spellings of the headers that rules can set. */
export interface HeaderTwins {
  /** 1 at each length of a name that has other spellings, so that most headers of a request are not looked at. */
  readonly lengths: Uint8Array
  /** Whether applications may read a header of this lower-case name as one that rules set. */
  isTwin(name: string): boolean
}

/** `undefined` if no name has another spelling. */
export function compileHeaderTwins(settableHeaders: ReadonlySet<string>): HeaderTwins | undefined {
  const variables = new Set([...settableHeaders].map(variableName).filter(name => name.includes('_')))
  if (variables.size === 0) return undefined
  const lengths = new Uint8Array(Math.max(...[...variables].map(({ length }) => length)) + 1)
  for (const { length } of variables) lengths[length] = 1
  return {
    lengths,
    isTwin: name => !settableHeaders.has(name) && variables.has(variableName(name)),
  }
}

/** The spelling with hyphens of each name that has other symbols. Clients send it, and it is a twin as well. */
export const hyphenTwins = (settableHeaders: ReadonlySet<string>): readonly string[] =>
  [...settableHeaders]
    .map(name => name.replace(SYMBOL, '-'))
    .filter(name => headerNameProblem(name, 'request') === undefined)

/** The symbols of a header name (RFC 9110, 5.6.2). */
const SYMBOL = /[!#$%&'*+\-.^_`|~]/g

/** How the most lenient servers name the variable of a header, without the prefix `HTTP_`. */
const variableName = (name: string): string => name.replace(SYMBOL, '_')

/** The allow with the twins in the request among the headers to remove. */
export function withoutHeaderTwins(allow: Allow, request: RequestView, twins: HeaderTwins): Allow {
  const found = request
    .headerNamesWithSymbols(twins.lengths)
    .filter(name => twins.isTwin(name) && !allow.headers.some(header => header.name === name))
  return found.length === 0 ? allow : { ...allow, remove: [...allow.remove, ...new Set(found)] }
}
