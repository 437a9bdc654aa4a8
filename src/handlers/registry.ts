/** handlers/registry — the list of all handlers. Nothing registers itself. */
import { anonymous } from './authenticators/anonymous.ts'
import { bearerToken } from './authenticators/bearer_token.ts'
import { cookieSession } from './authenticators/cookie_session.ts'
import { noop as noopAuthenticator } from './authenticators/noop.ts'
import { unauthorized } from './authenticators/unauthorized.ts'
import { allow } from './authorizers/allow.ts'
import { deny } from './authorizers/deny.ts'
import { json } from './errors/json.ts'
import { redirect } from './errors/redirect.ts'
import { wwwAuthenticate } from './errors/www_authenticate.ts'
import { type SealedHandler, seal } from './handler.ts'
import { cookie } from './mutators/cookie.ts'
import { header } from './mutators/header.ts'
import { noop as noopMutator } from './mutators/noop.ts'

export const HANDLERS: readonly SealedHandler[] = [
  seal(anonymous),
  seal(bearerToken),
  seal(cookieSession),
  seal(noopAuthenticator),
  seal(unauthorized),
  seal(allow),
  seal(deny),
  seal(cookie),
  seal(header),
  seal(noopMutator),
  seal(json),
  seal(redirect),
  seal(wwwAuthenticate),
] as readonly SealedHandler[]
