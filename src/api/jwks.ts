/** api/jwks — the public halves of the keys that sign id tokens (spec 9.1). Sees no private one. */
import { jsonErrorReply, jsonReply } from './reply.ts'
import type { Route } from './server.ts'

export interface JwksDependencies {
  /** `undefined` when no key set could be loaded, or none is configured. */
  readonly publicKeys: () => Promise<{ readonly keys: readonly object[] } | undefined>
}

/** `GET /.well-known/jwks.json`. */
export function jwksRoute({ publicKeys }: JwksDependencies): Route {
  return async ({ method, path }) => {
    if (path !== '/.well-known/jwks.json' || (method !== 'GET' && method !== 'HEAD')) return undefined
    const set = await publicKeys()
    return set === undefined ? jsonErrorReply(500, 'No key set could be loaded') : jsonReply(200, set)
  }
}
