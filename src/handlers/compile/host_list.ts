/** handlers/parts/host_list — a list of hosts in a configuration: which requests are for one of them. Knows no handler. */
import type { RequestView } from '../../access/request.ts'
import type { Path } from '../../documents/issue.ts'
import { readAuthority } from '../../http/authority.ts'
import { ConfigFault } from '../handler.ts'

const SCHEMES = ['http', 'https'] as const

/**
 * Whether a request's host is one of `hosts`: `shop.example.com`, `shop.example.com:8443`, or `*.example.com` for every host
 * below that one. Read as those of requests are: any case, a scheme's default port may be left out.
 */
export function compileHosts(hosts: readonly string[], path: Path): (request: RequestView) => boolean {
  const exact = new Set<string>()
  const below: (readonly [scheme: string, end: string])[] = []
  for (const [i, text] of hosts.entries()) {
    const wild = text.startsWith('*.')
    for (const scheme of SCHEMES) {
      const read = readAuthority(wild ? text.slice(2) : text, scheme)
      if (read === undefined) {
        throw new ConfigFault(
          [...path, i],
          'must be a host, as in a URL',
          'e.g. shop.example.com or *.example.com',
        )
      }
      if (wild) below.push([scheme, `.${read.host}`])
      else exact.add(`${scheme} ${read.host}`)
    }
  }
  return ({ scheme, host }) =>
    exact.has(`${scheme} ${host}`) || below.some(([its, end]) => its === scheme && host.endsWith(end))
}
