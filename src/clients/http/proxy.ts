/**
 * Selects the proxy of a call from HTTP_PROXY, HTTPS_PROXY and NO_PROXY, with the rules of Go's
 * `http.ProxyFromEnvironment`.
 */
import { isIP } from 'node:net'
import { compileNetworks } from '../../http/networks.ts'

/**
 * Returns the URL of the proxy. `undefined`: no proxy. `unusable`: the environment names a proxy without a
 * usable URL.
 */
export type ResolveProxy = (url: URL) => string | 'unusable' | undefined

/** The resolver of an environment that names no proxy. */
export const NO_PROXY: ResolveProxy = () => undefined

type ExemptionMatcher = (host: string, port: string) => boolean
type Environment = Readonly<Record<string, string | undefined>>

/**
 * Upper-case variables take precedence over lower-case ones. Calls to loopback addresses never use a proxy.
 */
export function createProxyResolver(env: Environment): ResolveProxy {
  const variable = (name: string): string => env[name] || env[name.toLowerCase()] || ''
  const httpProxy = parseProxyUrl(variable('HTTP_PROXY'))
  const httpsProxy = parseProxyUrl(variable('HTTPS_PROXY'))
  if (httpProxy === undefined && httpsProxy === undefined) return NO_PROXY
  const entries = variable('NO_PROXY')
    .split(',')
    .map(entry => entry.trim().toLowerCase())
  const exemptions = entries.includes('*') ? [() => true] : entries.flatMap(parseExemption)
  return ({ protocol, hostname, port: explicitPort }) => {
    const proxy = protocol === 'https:' ? httpsProxy : httpProxy
    const host = withoutBrackets(hostname.toLowerCase())
    const port = explicitPort === '' ? (protocol === 'https:' ? '443' : '80') : explicitPort
    if (proxy === undefined || host === 'localhost' || isLoopback(host)) return undefined
    return exemptions.some(matches => matches(host, port)) ? undefined : proxy
  }
}

const isLoopback = compileNetworks(['127.0.0.0/8', '::1']) as (address: string) => boolean
const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, '$1')

function parseProxyUrl(text: string): string | undefined {
  if (text === '') return undefined
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  return url !== null && /^(https?|socks5):$/.test(url.protocol) ? url.href : 'unusable'
}

/**
 * One entry of NO_PROXY: a network, an address, or a host name that includes its subdomains. Addresses and
 * names may have a port; `.name` matches subdomains only.
 */
function parseExemption(entry: string): readonly ExemptionMatcher[] {
  if (entry === '') return []
  const network = entry.includes('/') ? compileNetworks([entry]) : undefined
  if (network !== undefined) return [network]
  const hostAndPort = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(entry)
  const name = withoutBrackets(hostAndPort?.[1] ?? entry)
  const exemptPort = hostAndPort?.[2] ?? ''
  const matchesPort = (port: string): boolean => exemptPort === '' || exemptPort === port
  if (name === '') return []
  if (isIP(name) !== 0) {
    const isSameAddress = compileNetworks([name]) as (address: string) => boolean
    return [(host, port) => isSameAddress(host) && matchesPort(port)]
  }
  const suffix = name.startsWith('*.') ? name.slice(1) : name
  if (suffix.startsWith('.')) return [(host, port) => host.endsWith(suffix) && matchesPort(port)]
  return [(host, port) => (host === suffix || host.endsWith(`.${suffix}`)) && matchesPort(port)]
}
