/** Keeps the credentials of a rule's authenticators from the upstream (`forward_credential: false`). */
import type { Allow } from './decision.ts'
import { filterCookies } from './identity_cookies.ts'
import type { RequestView } from './request.ts'

/** Where the credentials of an authenticator are. */
export interface CredentialLocations {
  /** Exact names of cookies. */
  readonly cookies: readonly string[]
  readonly headers: readonly CredentialHeader[]
}
export interface CredentialHeader {
  /** In lower case. */
  readonly name: string
  /** Whether a line of the header holds a credential of the authenticator, and not one of another kind. */
  readonly isCredential: (value: string) => boolean
}

/** The locations of all authenticators of a rule. */
export interface WithheldCredentials {
  readonly cookies: ReadonlySet<string>
  /** Finds one of the names anywhere in a Cookie header. */
  readonly cookieMention: RegExp
  readonly headers: readonly CredentialHeader[]
}

/** `undefined` without locations. `ownCookies`: names that the rule itself writes; they replace the client's. */
export function compileWithheldCredentials(
  locations: readonly CredentialLocations[],
  ownCookies: ReadonlySet<string>,
): WithheldCredentials | undefined {
  const headers = locations.flatMap(location => location.headers)
  const names = locations.flatMap(({ cookies }) => cookies).filter(name => !ownCookies.has(name))
  if (headers.length === 0 && names.length === 0) return undefined
  const escaped = names.map(name => name.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  return {
    cookies: new Set(names),
    // Without names it matches nothing.
    cookieMention: new RegExp(names.length === 0 ? '(?!)' : escaped.join('|')),
    headers,
  }
}

/**
 * The allow without these credentials. The other cookies of the client are sent in a Cookie header of their own,
 * because a gateway can remove or replace a header, and no part of one.
 */
export function withoutCredentials(
  allow: Allow,
  request: RequestView,
  { cookies, cookieMention, headers }: WithheldCredentials,
): Allow {
  const filtered = filterCookies(
    allow,
    request,
    line => cookieMention.test(line),
    name => !cookies.has(name),
  )
  const isPresent = ({ name, isCredential }: CredentialHeader) =>
    request.headerValues(name).some(isCredential) && !filtered.headers.some(header => header.name === name)
  const present = headers.filter(isPresent).map(({ name }) => name)
  return present.length === 0
    ? filtered
    : { ...filtered, remove: [...new Set([...filtered.remove, ...present])] }
}
