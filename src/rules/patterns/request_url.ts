/** Describes the URLs that requests can have once host and path are normalized: all that a pattern is ever matched against. */
import { parseAuthority } from '../../http/authority.ts'
import { type PathMode, parseRequestTarget } from '../../http/request_target.ts'

/** How requests are read before they are matched. */
export interface RequestUrlOptions {
  readonly paths: PathMode
  /** `exact`: hosts are not normalized. */
  readonly hosts?: 'exact' | undefined
  /** Whether the URL is `rpc://host/path` of a gRPC call rather than `scheme://host/path`. */
  readonly rpc: boolean
}

/**
 * Returns a predicate: whether a request can have a given URL after normalization. Paths with `%3F` or `%23` are left
 * out: a user who writes `?` in a pattern means the query, which is not matched.
 */
export const requestUrlPredicate =
  ({ paths, hosts, rpc }: RequestUrlOptions) =>
  (url: string): boolean => {
    const parts = (rpc ? RPC_URL : HTTP_URL).exec(url)
    if (parts === null) return false
    const [, scheme, host, path] = parts as unknown as [string, string, string, string]
    // gRPC requests have no scheme of their own here; the default port of https is dropped from their host.
    const authority = parseAuthority(host, rpc ? 'https' : scheme)
    if (authority === undefined || (hosts !== 'exact' && authority.host !== host)) return false
    if (!path.isWellFormed()) return false
    const target = parseRequestTarget(path.split('/').map(encodeURIComponent).join('/'), paths)
    return target.kind === 'target' && target.path === path
  }

const HTTP_URL = /^((?:http|ws)s?):\/\/([^/]*)(\/[^?#]*)$/s
const RPC_URL = /^(rpc):\/\/([^/]*)(\/[^?#]*)$/s
const HOST_SOURCE = '(?:[a-z0-9_\\-]+(?:\\.[a-z0-9_\\-]+)*|\\[[0-9a-f.:]+\\])(?::[1-9][0-9]*)?'
const UNNORMALIZED_HOST_SOURCE = HOST_SOURCE.replaceAll('a-z', 'A-Za-z')
  .replace('0-9a-f', '0-9A-Fa-f')
  .replace('*|', '*\\.?|')

const PATH_CHARACTER: Readonly<Record<PathMode, string>> = {
  strict: '[^\\/\\\\\\x00-\\x1f\\x7f]',
  oathkeeper: '[^\\/\\x00\\n]',
}

/** What `PATH_CHARACTER` has only where a request encodes it. */
const DELIMITERS = '?#'

/** Cleaning drops a trailing slash. */
const TRAILING_SLASH: Readonly<Record<PathMode, string>> = { strict: '\\/?', oathkeeper: '' }

/**
 * JavaScript source (flag `v`) of an expression that matches every URL that `requestUrlPredicate` accepts. It matches some
 * more, so a pattern without a common word is certainly dead. `encodedDelimiters`: it also matches paths with `?` and
 * `#`, which a request encodes.
 */
export function requestUrlSource(
  { paths, hosts, rpc }: RequestUrlOptions,
  encodedDelimiters: boolean,
): string {
  const scheme = rpc ? 'rpc' : '(?:http|ws)s?'
  const host = hosts === 'exact' ? UNNORMALIZED_HOST_SOURCE : HOST_SOURCE
  const character = encodedDelimiters
    ? PATH_CHARACTER[paths]
    : PATH_CHARACTER[paths].replace('[^', `[^${DELIMITERS}`)
  return `${scheme}:\\/\\/${host}\\/(?:${character}+(?:\\/${character}+)*${TRAILING_SLASH[paths]})?`
}
