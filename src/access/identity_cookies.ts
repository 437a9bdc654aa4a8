/** Keeps clients from sending cookies that a rule writes, such as `user`, through a rule that does not write them. */
import type { Allow } from './decision.ts'
import type { RequestView } from './request.ts'

/** The cookies that other rules write and this rule does not. */
export interface ForeignCookies {
  /** Finds one of the names anywhere in a Cookie header, also in a part that is no valid cookie. */
  readonly mention: RegExp
  /** Matches the whole name of such a cookie. */
  readonly name: RegExp
}

/** `undefined` without names. */
export function compileForeignCookies(names: readonly string[]): ForeignCookies | undefined {
  if (names.length === 0) return undefined
  const spellings = names.map(name => [...name].map(spelling).join('')).join('|')
  return { mention: new RegExp(spellings, 'i'), name: new RegExp(`^(?:${spellings})(?:\\[.*)?$`, 'i') }
}

/** PHP reads `user%5Fid`, `user.id` and `user_id[a]` as `user_id`, and some frameworks ignore the case. */
function spelling(character: string): string {
  const code = (text: string) => `%${text.charCodeAt(0).toString(16).padStart(2, '0')}`
  const same = character === '_' || character === '.' ? ['_', '.', '+'] : [character]
  return `(?:${same.map(one => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}|${code(one)}`).join('|')})`
}

/** The allow without foreign cookies of the client. Other cookies stay as they are. */
export function withoutForeignCookies(allow: Allow, request: RequestView, foreign: ForeignCookies): Allow {
  const written = allow.headers.find(({ name }) => name === 'cookie')
  const lines = written === undefined ? request.headerValues('cookie') : [written.value]
  if (!lines.some(line => foreign.mention.test(line))) return allow
  const pairs =
    written === undefined
      ? // Parsed cookies only: another parser may find a cookie in a part that is not valid.
        request.cookies().map(([name, value, quoted]) => [name, quoted ? `"${value}"` : value] as const)
      : written.value
          .split('; ')
          .map(pair => [pair.replace(/=.*/s, ''), pair.replace(/^[^=]*=?/, '')] as const)
  const kept = pairs.filter(([name]) => !foreign.name.test(name))
  if (written !== undefined && kept.length === pairs.length) return allow
  const others = allow.headers.filter(header => header !== written)
  if (kept.length === 0) return { ...allow, headers: others, remove: [...allow.remove, 'cookie'] }
  const value = kept.map(([name, text]) => `${name}=${text}`).join('; ')
  return { ...allow, headers: [...others, { name: 'cookie', value }] }
}
