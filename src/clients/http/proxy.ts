/** clients/http_proxy — the proxy that a call goes through, as Go's clients read HTTP_PROXY, HTTPS_PROXY and NO_PROXY (spec 4.0). Pure; opens nothing. */
import { isIP } from 'node:net'
import { compileCidrs } from '../../http/networks.ts'

/** URL of the proxy; `undefined`: none; `unusable`: the environment names one that nobody can use. */
export type ProxyOf = (url: URL) => string | 'unusable' | undefined

type Exempt = (host: string, port: string) => boolean
type Environment = Readonly<Record<string, string | undefined>>

/** Names in capitals first. Loopback is never proxied. */
export function compileProxies(env: Environment): ProxyOf {
  const named = (name: string): string => env[name] || env[name.toLowerCase()] || ''
  const http = proxyUrl(named('HTTP_PROXY'))
  const https = proxyUrl(named('HTTPS_PROXY'))
  if (http === undefined && https === undefined) return () => undefined
  const entries = named('NO_PROXY')
    .split(',')
    .map(entry => entry.trim().toLowerCase())
  const exempt = entries.includes('*') ? [() => true] : entries.flatMap(exemption)
  return ({ protocol, hostname, port: written }) => {
    const proxy = protocol === 'https:' ? https : http
    const host = withoutBrackets(hostname.toLowerCase())
    const port = written === '' ? (protocol === 'https:' ? '443' : '80') : written
    if (proxy === undefined || host === 'localhost' || isLoopback(host)) return undefined
    return exempt.some(fits => fits(host, port)) ? undefined : proxy
  }
}

const isLoopback = compileCidrs(['127.0.0.0/8', '::1']) as (address: string) => boolean
const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, '$1')

function proxyUrl(text: string): string | undefined {
  if (text === '') return undefined
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  return url !== null && /^(https?|socks5):$/.test(url.protocol) ? url.href : 'unusable'
}

/** A network, an address or a name with all names below it, the last two with or without a port; `.name` is below it only. */
function exemption(entry: string): readonly Exempt[] {
  if (entry === '') return []
  const network = entry.includes('/') ? compileCidrs([entry]) : undefined
  if (network !== undefined) return [network]
  const split = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(entry)
  const name = withoutBrackets(split?.[1] ?? entry)
  const wanted = split?.[2] ?? ''
  const onPort = (port: string): boolean => wanted === '' || wanted === port
  if (name === '') return []
  if (isIP(name) !== 0) {
    const same = compileCidrs([name]) as (address: string) => boolean
    return [(host, port) => same(host) && onPort(port)]
  }
  const below = name.startsWith('*.') ? name.slice(1) : name
  if (below.startsWith('.')) return [(host, port) => host.endsWith(below) && onPort(port)]
  return [(host, port) => (host === below || host.endsWith(`.${below}`)) && onPort(port)]
}
