/** handlers/parts/token_from — where a rule looks for a token, compiled (spec 4.0). Knows nothing of what a token means. */
import { z } from 'zod'
import { type Denial, unauthorized } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import { parseQuery } from '../../golang/index.ts'

/** Exactly one of three keys; the rule's choice replaces that of the service. */
export const tokenFromSchema = z
  .union([
    z.strictObject({ header: z.string().describe('raw value of this header, no scheme removed') }),
    z.strictObject({ query_parameter: z.string().describe('value of this parameter of the query') }),
    z.strictObject({ cookie: z.string().describe('value of this cookie') }),
  ])
  .nullish()
  .describe('where the token is; default the Authorization header with the scheme Bearer')

export type TokenFrom = z.infer<typeof tokenFromSchema>

/** No token: `undefined`, and the authenticator is not responsible. Several unequal ones: a refusal, never a choice (C13). */
export type FindToken = (request: RequestView) => string | undefined | Denial

/** Header names are looked up in any case; `authorization` written so is a raw header, `Authorization` is not. */
export function compileTokenFrom(from: TokenFrom): FindToken {
  if (from === undefined || from === null || ('header' in from && from.header === 'Authorization')) {
    return request => {
      const lines = request.headerValues('authorization')
      // No bearer token has a comma: two lines were joined on their way (J4).
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

export const SESSION_TOKEN_HEADER = 'x-session-token'

const findInSessionTokenHeader = compileTokenFrom({ header: SESSION_TOKEN_HEADER })
const findBearerToken = compileTokenFrom(undefined)
/** Of a native client, in Kratos' own order: a token in the header of its own counts, and Bearer is not looked at (kratos 1.2, C1). */
export const findSessionToken: FindToken = request =>
  findInSessionTokenHeader(request) ?? findBearerToken(request)

const AMBIGUOUS_TOKEN = unauthorized('ambiguous_credential', {
  reason: 'the request carries several unequal tokens',
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

/** Cut at the first blank; the scheme in any case, the rest as it stands, a second blank included. */
function parseBearer(value: string): string {
  const space = value.indexOf(' ')
  return space >= 0 && value.slice(0, space).toLowerCase() === 'bearer' ? value.slice(space + 1) : ''
}
