/** rules/request_url — which URLs a pattern is ever asked about: those that the readings of host and path let through. Knows no pattern. */
import { parseAuthority } from '../../http/authority.ts'
import { type PathMode, parseRequestTarget } from '../../http/request_target.ts'

/** Which requests a pattern is for: `scheme://host/path`, or `rpc://host/path` of a gRPC call (spec 1.9). */
export interface RequestUrlOptions {
  readonly paths: PathMode
  /** Whether hosts stand there as they were sent (Q-20, option). */
  readonly hosts?: 'exact' | undefined
  readonly rpc: boolean
}

/** Whether some request has this URL once it has been read. */
export const requestUrlPredicate =
  ({ paths, hosts, rpc }: RequestUrlOptions) =>
  (url: string): boolean => {
    const parts = (rpc ? RPC_URL : HTTP_URL).exec(url)
    if (parts === null) return false
    const [, scheme, host, path] = parts as unknown as [string, string, string, string]
    // A gRPC request is an https one to its host.
    const authority = parseAuthority(host, rpc ? 'https' : scheme)
    if (authority === undefined || (hosts !== 'exact' && authority.host !== host)) return false
    if (!path.isWellFormed()) return false
    const target = parseRequestTarget(path.split('/').map(encodeURIComponent).join('/'), paths)
    return target.kind === 'target' && target.path === path
  }

const HTTP_URL = /^((?:http|ws)s?):\/\/([^/]*)(\/.*)$/s
const RPC_URL = /^(rpc):\/\/([^/]*)(\/.*)$/s
const HOST_SOURCE = '(?:[a-z0-9_\\-]+(?:\\.[a-z0-9_\\-]+)*|\\[[0-9a-f.:]+\\])(?::[1-9][0-9]*)?'
const UNNORMALIZED_HOST_SOURCE = HOST_SOURCE.replaceAll('a-z', 'A-Za-z')
  .replace('0-9a-f', '0-9A-Fa-f')
  .replace('*|', '*\\.?|')

const PATH_CHARACTER: Readonly<Record<PathMode, string>> = {
  strict: '[^\\/\\\\\\x00-\\x1f\\x7f]',
  oathkeeper: '[^\\/\\x00\\n]',
}

/** JavaScript source (flag `v`) of an expression that all admitted URLs match; some others match it too. */
export const requestUrlSource = ({ paths, hosts, rpc }: RequestUrlOptions): string =>
  `${rpc ? 'rpc' : '(?:http|ws)s?'}:\\/\\/${hosts === 'exact' ? UNNORMALIZED_HOST_SOURCE : HOST_SOURCE}\\/(?:${PATH_CHARACTER[paths]}+(?:\\/${PATH_CHARACTER[paths]}+)*)?`
