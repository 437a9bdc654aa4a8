/** Go's `url.URL` as a plain value: formatting, escaping and query parsing. */
import { percentDecode, percentEncode } from './percent_encoding.ts'

export interface UserInfo {
  readonly name: string
  readonly password: string | undefined
}

export interface GoUrl {
  readonly scheme: string
  readonly opaque?: string
  readonly user?: UserInfo | undefined
  readonly host: string
  /** Decoded. */
  readonly path: string
  readonly rawPath?: string
  readonly rawQuery: string
  /** Decoded. */
  readonly fragment?: string
  readonly forceQuery?: boolean
  readonly omitHost?: boolean
}

export function escapedPath(url: GoUrl): string {
  const raw = url.rawPath ?? ''
  if (raw !== '' && /^[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]/%]*$/.test(raw) && percentDecode(raw) === url.path)
    return raw
  return url.path === '*' ? '*' : percentEncode(url.path, 'path')
}

/** Go's `Userinfo.String`; empty for a nil pointer. */
export function formatUserInfo(user: UserInfo | undefined): string {
  if (user === undefined) return ''
  const password = user.password === undefined ? '' : `:${percentEncode(user.password, 'user')}`
  return percentEncode(user.name, 'user') + password
}

/** Go's `URL.String`. */
export function formatUrl(url: GoUrl): string {
  let out = url.scheme === '' ? '' : `${url.scheme}:`
  const { opaque = '', user, host, fragment = '' } = url
  if (opaque !== '') out += opaque
  else {
    const silent = url.omitHost === true && host === '' && user === undefined
    if ((url.scheme !== '' || host !== '' || user !== undefined) && !silent) {
      if (host !== '' || url.path !== '' || user !== undefined) out += '//'
      if (user !== undefined) out += `${formatUserInfo(user)}@`
      out += percentEncode(host, 'host')
    }
    const path = escapedPath(url)
    if (path !== '' && !path.startsWith('/') && host !== '') out += '/'
    if (out === '' && (path.split('/', 1)[0] as string).includes(':')) out += './'
    out += path
  }
  if (url.forceQuery === true || url.rawQuery !== '') out += `?${url.rawQuery}`
  if (fragment !== '') out += `#${percentEncode(fragment, 'fragment')}`
  return out
}

export function splitHost(hostPort: string): { host: string; port: string } {
  const found = /^(.*):([0-9]*)$/s.exec(hostPort)
  const host = found === null ? hostPort : (found[1] as string)
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  return { host: bare, port: found?.[2] ?? '' }
}

export const hostname = (url: GoUrl): string => splitHost(url.host).host

/** Go's `url.ParseQuery`, ignoring errors: malformed pairs are skipped. */
export function parseQuery(query: string): Map<string, readonly string[]> {
  const values = new Map<string, string[]>()
  for (const part of query.split('&')) {
    if (part === '' || part.includes(';')) continue
    const cut = part.indexOf('=')
    const key = percentDecode(cut < 0 ? part : part.slice(0, cut), true)
    const value = percentDecode(cut < 0 ? '' : part.slice(cut + 1), true)
    if (key === undefined || value === undefined) continue
    const known = values.get(key)
    if (known === undefined) values.set(key, [value])
    else known.push(value)
  }
  return values
}
