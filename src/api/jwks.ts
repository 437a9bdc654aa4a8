/** api/jwks — the public halves of the keys that sign id tokens (spec 9.1). Sees no private one. */
import { json, jsonError } from './reply.ts'
import type { Route } from './server.ts'

export interface JwksParts {
  /** `undefined` when no key set could be loaded, or none is configured. */
  readonly publicKeys: () => Promise<{ readonly keys: readonly object[] } | undefined>
}

/** `GET /.well-known/jwks.json`. */
export function jwksRoute({ publicKeys }: JwksParts): Route {
  return async ({ method, path }) => {
    if (path !== '/.well-known/jwks.json' || (method !== 'GET' && method !== 'HEAD')) return undefined
    const set = await publicKeys()
    return set === undefined ? jsonError(500, 'No key set could be loaded') : json(200, set)
  }
}
