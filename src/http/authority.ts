/** Parses an authority (host and port) by one set of rules, so that no two parts of Credence read a host differently. */
import { isIPv6 } from 'node:net'

export interface Authority {
  /** In lower case, without one trailing dot and without the scheme's default port. */
  readonly host: string
}

/**
 * Labels of letters, digits, hyphens and underscores, separated by single dots. An international name is
 * Punycode here.
 */
const HOST_NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
const VISIBLE_ASCII = /^[\x21-\x7e]*$/

/** Default ports by scheme. Traefik states `ws` and `wss` for the handshake of a WebSocket. */
export const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ['http', '80'],
  ['https', '443'],
  ['ws', '80'],
  ['wss', '443'],
])

/**
 * The host of an authority, or `undefined` where the authority is not valid: an empty one, user information,
 * commas, escapes, characters beyond ASCII, an invalid port. A comma means that Envoy has joined two hosts.
 */
export function parseAuthority(text: string, scheme: string): Authority | undefined {
  // Checked before the conversion to lower case, which turns the Kelvin sign into a k.
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
