/** The route that serves the public keys of signed id tokens. */
import { jsonErrorReply, jsonReply } from './reply.ts'
import type { Route } from './server.ts'

export interface JwksDependencies {
  /** Must not contain private keys. `undefined` where no key set is configured or could be loaded. */
  readonly publicKeys: () => Promise<{ readonly keys: readonly object[] } | undefined>
}

/** `GET /.well-known/jwks.json`: a JSON Web Key Set (RFC 7517), or 500 without one. */
export function jwksRoute({ publicKeys }: JwksDependencies): Route {
  return async ({ method, path }) => {
    if (path !== '/.well-known/jwks.json' || (method !== 'GET' && method !== 'HEAD')) return undefined
    const set = await publicKeys()
    return set === undefined ? jsonErrorReply(500, 'No key set could be loaded') : jsonReply(200, set)
  }
}
