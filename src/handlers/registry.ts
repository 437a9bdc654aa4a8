/** Lists all handlers. A new handler works only after it is added here. */
import { anonymous } from './authenticators/anonymous.ts'
import { bearerToken } from './authenticators/bearer_token.ts'
import { cookieSession } from './authenticators/cookie_session.ts'
import { jwt } from './authenticators/jwt.ts'
import { noop as noopAuthenticator } from './authenticators/noop.ts'
import { oauth2ClientCredentials } from './authenticators/oauth2_client_credentials.ts'
import { oauth2Introspection } from './authenticators/oauth2_introspection.ts'
import { unauthorized } from './authenticators/unauthorized.ts'
import { allow } from './authorizers/allow.ts'
import { deny } from './authorizers/deny.ts'
import { ketoEngineAcpOry } from './authorizers/keto_engine_acp_ory.ts'
import { remote } from './authorizers/remote.ts'
import { remoteJson } from './authorizers/remote_json.ts'
import { json } from './errors/json.ts'
import { redirect } from './errors/redirect.ts'
import { wwwAuthenticate } from './errors/www_authenticate.ts'
import { type AnyHandler, eraseConfigType } from './handler.ts'
import { cookie } from './mutators/cookie.ts'
import { header } from './mutators/header.ts'
import { hydrator } from './mutators/hydrator.ts'
import { idToken } from './mutators/id_token.ts'
import { noop as noopMutator } from './mutators/noop.ts'

/** All handlers, by kind and name. */
export const HANDLERS: readonly AnyHandler[] = [
  eraseConfigType(anonymous),
  eraseConfigType(bearerToken),
  eraseConfigType(cookieSession),
  eraseConfigType(jwt),
  eraseConfigType(noopAuthenticator),
  eraseConfigType(oauth2ClientCredentials),
  eraseConfigType(oauth2Introspection),
  eraseConfigType(unauthorized),
  eraseConfigType(allow),
  eraseConfigType(deny),
  eraseConfigType(ketoEngineAcpOry),
  eraseConfigType(remote),
  eraseConfigType(remoteJson),
  eraseConfigType(cookie),
  eraseConfigType(header),
  eraseConfigType(hydrator),
  eraseConfigType(idToken),
  eraseConfigType(noopMutator),
  eraseConfigType(json),
  eraseConfigType(redirect),
  eraseConfigType(wwwAuthenticate),
] as readonly AnyHandler[]
