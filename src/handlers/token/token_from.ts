/** Compiles `token_from`, the location of a token in a request. */
import { z } from 'zod'
import { type Denial, unauthorized } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import { parseQuery } from '../../golang/index.ts'
import { publicString } from '../compile/public_config.ts'

/** Exactly one of three keys. The value of a rule replaces that of the service configuration. */
export const tokenFromSchema = z
  .union([
    z.strictObject({ header: publicString().describe('Name of the header. Its whole value is the token.') }),
    z.strictObject({ query_parameter: publicString().describe('Name of the query parameter.') }),
    z.strictObject({ cookie: publicString().describe('Name of the cookie.') }),
  ])
  .nullish()
  .describe('Location of the token. Default: the Authorization header with the scheme Bearer.')

export type TokenFrom = z.infer<typeof tokenFromSchema>

/**
 * Returns `undefined` without a token, so that the authenticator does not apply. Several different tokens are
 * a denial, because choosing one would be a guess.
 */
export type FindToken = (request: RequestView) => string | undefined | Denial

/** Whether the location is that of a bearer token. */
export const isBearerHeader = (from: TokenFrom): from is undefined | null | { header: 'Authorization' } =>
  from === undefined || from === null || ('header' in from && from.header === 'Authorization')

/**
 * The header name `Authorization` means a bearer token, like Oathkeeper's default. In any other spelling it
 * means the raw header value.
 */
export function compileTokenFrom(from: TokenFrom): FindToken {
  if (isBearerHeader(from)) {
    return request => {
      const lines = request.headerValues('authorization')
      // A bearer token cannot contain a comma: a proxy has joined several header lines.
      return lines.some(line => line.includes(',') && parseBearer(line) !== '')
        ? AMBIGUOUS_TOKEN
        : singleToken(lines, parseBearer)
    }
  }
  if ('header' in from) {
    const name = from.header.toLowerCase()
    return request => singleToken(request.headerValues(name))
  }
  if ('cookie' in from) return request => singleToken(request.cookieValues(from.cookie))
  return request => {
    if (request.query === '') return undefined
    return singleToken(parseQuery(request.query).get(from.query_parameter) ?? [])
  }
}

/** The header in which native clients send their session token to Kratos. */
export const SESSION_TOKEN_HEADER = 'x-session-token'

const findInSessionTokenHeader = compileTokenFrom({ header: SESSION_TOKEN_HEADER })
const findBearerToken = compileTokenFrom(undefined)
/**
 * Finds the token of a native client, which Kratos accepts in X-Session-Token or as a bearer token. Two unequal
 * tokens are a denial: they may be sessions of two users, and the upstream might use the other one.
 * `isSessionToken` is true for a bearer token that is meant for Kratos; others do not count.
 */
export const compileFindSessionToken =
  (isSessionToken: (token: string) => boolean): FindToken =>
  request => {
    const bearer = findBearerToken(request)
    const sessionToken = findInSessionTokenHeader(request)
    if (sessionToken === undefined || typeof sessionToken !== 'string') return sessionToken ?? bearer
    if (bearer === undefined || bearer === sessionToken) return sessionToken
    return typeof bearer !== 'string' || isSessionToken(bearer) ? AMBIGUOUS_TOKEN : sessionToken
  }

const AMBIGUOUS_TOKEN = unauthorized('ambiguous_credential', {
  reason: 'the request has several different tokens',
})

function singleToken(
  values: readonly string[],
  read: (value: string) => string = value => value,
): string | undefined | Denial {
  const [first] = values
  if (first === undefined) return undefined
  if (values.some(value => value !== first)) return AMBIGUOUS_TOKEN
  return read(first) || undefined
}

/**
 * Splits at the first space. The scheme is case-insensitive. The token is the unchanged rest, including
 * further spaces. Empty without a bearer token.
 */
export function parseBearer(value: string): string {
  const space = value.indexOf(' ')
  return space >= 0 && value.slice(0, space).toLowerCase() === 'bearer' ? value.slice(space + 1) : ''
}
