/**
 * The two parts of undici that the client uses. Its index would load fetch, WebSocket, caches and mocks as well, which takes
 * twice the time and 10 MB. Only `dispatch` works on these pools: the index adds the other methods.
 */
import { createRequire } from 'node:module'
import type { Dispatcher, Pool, ProxyAgent } from 'undici'
// @ts-expect-error: the file is no public entry of undici, so its types have no name.
import PoolOfUndici from 'undici/lib/dispatcher/pool.js'

type Dispatching = Pick<Dispatcher, 'dispatch' | 'close' | 'destroy'>

const require = createRequire(import.meta.url)

/** Opens connections to one origin on demand. */
export const createPool = (origin: string, options: Pool.Options): Dispatching =>
  new (PoolOfUndici as typeof Pool)(origin, options)

/** Loads the whole of undici, whose proxy client calls `connect`; only an environment that names a proxy needs it. */
export function loadProxyAgent(): (options: ProxyAgent.Options) => Dispatching {
  const undici = require('undici') as { readonly ProxyAgent: typeof ProxyAgent }
  return options => new undici.ProxyAgent(options)
}
