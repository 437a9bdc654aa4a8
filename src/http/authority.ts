/** lib/authority — the one reading of a host. Knows nothing of access control. */
import { isIPv6 } from 'node:net'

export interface Authority {
  /** Lower case, without one trailing dot and without the scheme's default port (Q-20, B1–B3). */
  readonly host: string
}

/** Letters, digits, hyphen, underscore, separated by single dots: what a name on the web is made of once it is ASCII. */
const HOST_NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
const VISIBLE_ASCII = /^[\x21-\x7e]*$/

/** Schemes of requests with their default ports; ws and wss are what Traefik calls the handshake of a WebSocket. */
export const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ['http', '80'],
  ['https', '443'],
  ['ws', '80'],
  ['wss', '443'],
])

/** `undefined` for everything else: empty, userinfo, commas, escapes, non-ASCII, bad ports (B2–B8, J4). */
export function parseAuthority(text: string, scheme: string): Authority | undefined {
  // Before letters become lower case: the sign for kelvin would become a k (B8).
  if (text.length === 0 || text.length > 300 || !VISIBLE_ASCII.test(text)) return undefined
  const lower = text.toLowerCase()
  if (lower.startsWith('[')) return parseIPv6(lower, scheme)
  const colon = lower.indexOf(':')
  const name = colon < 0 ? lower : lower.slice(0, colon)
  const hostName = name.endsWith('.') ? name.slice(0, -1) : name
  if (!HOST_NAME.test(hostName)) return undefined
  return appendPort(hostName, colon < 0 ? undefined : lower.slice(colon + 1), scheme)
}

function parseIPv6(lower: string, scheme: string): Authority | undefined {
  const end = lower.indexOf(']')
  const address = lower.slice(1, end)
  const rest = lower.slice(end + 1)
  if (end < 0 || !isIPv6(address) || address.includes('%') || (rest !== '' && rest[0] !== ':'))
    return undefined
  return appendPort(`[${address}]`, rest === '' ? undefined : rest.slice(1), scheme)
}

function appendPort(name: string, port: string | undefined, scheme: string): Authority | undefined {
  if (port === undefined) return { host: name }
  if (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65_535) return undefined
  return { host: port === DEFAULT_PORTS.get(scheme) ? name : `${name}:${port}` }
}
