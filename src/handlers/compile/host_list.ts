/** handlers/parts/host_list — a list of hosts in a configuration: which requests are for one of them. Knows no handler. */
import type { RequestView } from '../../access/request.ts'
import type { DocumentPath } from '../../documents/issue.ts'
import { parseAuthority } from '../../http/authority.ts'
import { HandlerConfigError } from '../handler.ts'

const SCHEMES = ['http', 'https'] as const

/**
 * Whether a request's host is one of `hosts`: `shop.example.com`, `shop.example.com:8443`, or `*.example.com` for every host
 * below that one. Read as those of requests are: any case, a scheme's default port may be left out.
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
          'must be a host, as in a URL',
          'e.g. shop.example.com or *.example.com',
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
