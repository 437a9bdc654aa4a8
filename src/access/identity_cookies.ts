/** Keeps clients from sending cookies that a rule writes, such as `user`, through a rule that does not write them. */
import type { Allow } from './decision.ts'
import type { RequestView } from './request.ts'

/** The cookies that rules write, as one of the rules regards them. */
export interface ForeignCookies {
  /** Finds one of the names anywhere in a Cookie header, also in a part that is no valid cookie. */
  readonly mention: RegExp
  /** The same, except where a cookie of the rule itself has exactly its own name. */
  readonly mentionBesidesOwn: RegExp
  /** Matches the whole name of such a cookie. */
  readonly name: RegExp
  /** Names of the cookies that the rule itself writes. */
  readonly own: ReadonlySet<string>
}

/** `names` are those of all rules, `own` those of one rule. `undefined` without names. */
export function compileForeignCookies(
  names: readonly string[],
  own: ReadonlySet<string> = new Set(),
): ForeignCookies | undefined {
  if (names.length === 0) return undefined
  const spellings = names.map(name => [...name].map(spelling).join('')).join('|')
  const exact = [...own].map(name => [...name].map(literal).join('')).join('|')
  return {
    mention: new RegExp(spellings),
    mentionBesidesOwn: new RegExp(own.size === 0 ? spellings : `(?!(?:${exact})=)(?:${spellings})`),
    name: new RegExp(`^(?:${spellings})(?:\\[.*)?$`),
    own,
  }
}

/**
 * PHP reads `user%5Fid`, `user.id`, `user id`, `user[id` and `user_id[a]` as `user_id`, and some frameworks ignore the
 * case.
 */
function spelling(character: string): string {
  const characters =
    character === '_' || character === '.'
      ? ['_', '.', '+', ' ', '[']
      : [...new Set([character.toLowerCase(), character.toUpperCase()])]
  return `(?:${characters.flatMap(one => [literal(one), ...percentEncoded(one)]).join('|')})`
}

const hexCode = (character: string, digits: number): string =>
  character.charCodeAt(0).toString(16).padStart(digits, '0')
const literal = (character: string): string => `\\u${hexCode(character, 4)}`
const percentEncoded = (character: string): readonly string[] => {
  const code = hexCode(character, 2)
  return [...new Set([`%${code}`, `%${code.toUpperCase()}`])]
}

/** The allow without foreign cookies of the client. Other cookies stay as they are. */
export const withoutForeignCookies = (allow: Allow, request: RequestView, foreign: ForeignCookies): Allow =>
  filterCookies(
    allow,
    request,
    (line, isWritten) => (isWritten ? foreign.mentionBesidesOwn : foreign.mention).test(line),
    // A later hydrator may have dropped the header: then not even the rule's own cookies are its own.
    (name, isWritten) => (isWritten && foreign.own.has(name)) || !foreign.name.test(name),
  )

/**
 * The allow with the cookies that `keeps` accepts, of the header that the rule has written or else of the client's.
 * `isConcerned`: whether a Cookie header may hold another; otherwise nothing is parsed.
 */
export function filterCookies(
  allow: Allow,
  request: RequestView,
  isConcerned: (line: string, isWritten: boolean) => boolean,
  keeps: (name: string, isWritten: boolean) => boolean,
): Allow {
  if (allow.remove.includes('cookie')) return allow
  const written = allow.headers.find(({ name }) => name === 'cookie')
  const isWritten = written !== undefined
  const lines = isWritten ? [written.value] : request.headerValues('cookie')
  if (!lines.some(line => isConcerned(line, isWritten))) return allow
  const pairs = isWritten
    ? written.value.split('; ').map(pair => [pair.replace(/=.*/s, ''), pair.replace(/^[^=]*=?/, '')] as const)
    : // Parsed cookies only: another parser may find a cookie in a part that is not valid.
      request.cookies().map(([name, value, quoted]) => [name, quoted ? `"${value}"` : value] as const)
  const kept = pairs.filter(([name]) => keeps(name, isWritten))
  if (isWritten && kept.length === pairs.length) return allow
  const others = allow.headers.filter(header => header !== written)
  if (kept.length === 0) return { ...allow, headers: others, remove: [...allow.remove, 'cookie'] }
  const value = kept.map(([name, text]) => `${name}=${text}`).join('; ')
  return { ...allow, headers: [...others, { name: 'cookie', value }] }
}
