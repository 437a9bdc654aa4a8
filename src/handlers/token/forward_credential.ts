/** Implements `forward_credential`: whether the upstream receives the credential that an authenticator reads. */
import { z } from 'zod'
import type { CredentialHeader, CredentialLocations } from '../../access/withheld_credentials.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { isBearerHeader, parseBearer, type TokenFrom } from './token_from.ts'

export const forwardCredentialSchema = z
  .boolean()
  .optional()
  .describe(
    'Whether the upstream receives the credential. false: it is removed from each request that the rule allows, whichever authenticator has applied; other cookies stay. Default: true.',
  )

interface Config {
  readonly forward_credential?: boolean | undefined
  readonly token_from?: TokenFrom
}

/** Locations of a token that `isToken` recognizes; `further` are those besides `token_from`. */
export function withheldToken(
  { forward_credential: forward, token_from: from }: Config,
  isToken: (token: string) => boolean,
  further: readonly CredentialHeader[] = [],
): CredentialLocations | undefined {
  if (forward !== false) return undefined
  if (isBearerHeader(from)) {
    // A proxy may have joined several lines with commas.
    const isCredential = (value: string) => value.split(/, */).some(part => isToken(parseBearer(part)))
    const bearer = { name: 'authorization', isCredential: (value: string) => isCredential(value) }
    return { cookies: [], headers: [bearer, ...further] }
  }
  if ('cookie' in from) return { cookies: [from.cookie], headers: [] }
  if ('header' in from) {
    return { cookies: [], headers: [{ name: from.header.toLowerCase(), isCredential: isToken }] }
  }
  return undefined
}

/** Throws `HandlerConfigError` for a token that no gateway can remove. */
export function checkForwardedToken({ forward_credential: forward, token_from: from }: Config): void {
  if (forward === false && from !== undefined && from !== null && 'query_parameter' in from) {
    const hint = 'read the token from a header or a cookie'
    throw new HandlerConfigError(['forward_credential'], 'a query parameter cannot be removed', hint)
  }
}
