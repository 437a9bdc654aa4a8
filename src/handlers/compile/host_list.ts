/** Compiles a list of hosts to a function that matches requests. */
import type { RequestView } from '../../access/request.ts'
import type { DocumentPath } from '../../documents/diagnostic.ts'
import { parseAuthority } from '../../http/authority.ts'
import { HandlerConfigError } from './config_error.ts'

const SCHEMES = ['http', 'https'] as const

/**
 * Entries are hosts such as `shop.example.com` or `shop.example.com:8443`, or `*.example.com` for all
 * subdomains. They are normalized like the host of a request: case is ignored, and the default port of the
 * scheme is optional. Throws `HandlerConfigError` for an entry that is not a host.
 */
export function compileHostMatcher(
  hosts: readonly string[],
  path: DocumentPath,
): (request: RequestView) => boolean {
  const exact = new Set<string>()
  const subdomains: (readonly [scheme: string, end: string])[] = []
  for (const [i, text] of hosts.entries()) {
    const isWildcard = text.startsWith('*.')
    for (const scheme of SCHEMES) {
      const parsed = parseAuthority(isWildcard ? text.slice(2) : text, scheme)
      if (parsed === undefined) {
        throw new HandlerConfigError(
          [...path, i],
          'must be a host',
          'for example shop.example.com or *.example.com',
        )
      }
      if (isWildcard) subdomains.push([scheme, `.${parsed.host}`])
      else exact.add(`${scheme} ${parsed.host}`)
    }
  }
  return ({ scheme, host }) =>
    exact.has(`${scheme} ${host}`) ||
    subdomains.some(([hostScheme, suffix]) => hostScheme === scheme && host.endsWith(suffix))
}
