/** lib/template_url — Go's `url.URL` and `url.Values` as templates see them. Knows nothing of access control. */

import { fromByteString, toByteString } from '../../golang/strings.ts'
import { signature } from './signature.ts'
import {
  type Field,
  GoMap,
  GoStruct,
  goStruct,
  type MapType,
  type Method,
  mapKeys,
  nilSlice,
  type StructType,
  sliceOf,
  type Value,
} from './value.ts'

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

type Mode = 'path' | 'segment' | 'user' | 'query' | 'fragment' | 'host'
/** Bytes beside letters, digits and `-_.~` that stand unescaped. */
const UNESCAPED: Readonly<Record<Mode, string>> = {
  path: '$&+,/:;=@',
  segment: '$&+:=@',
  user: '$&+,;=',
  query: '',
  fragment: '$&+,/:;=?@!()*',
  host: '!$&\'()*+,;=:[]<>"',
}

export function percentEncode(text: string, mode: Mode): string {
  let out = ''
  for (const char of toByteString(text)) {
    if (/[A-Za-z0-9\-_.~]/.test(char) || UNESCAPED[mode].includes(char)) out += char
    else if (char === ' ' && mode === 'query') out += '+'
    else out += `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
/** Go's `url.QueryEscape`. */
export const queryEscape = (text: string): string => percentEncode(text, 'query')

/** `undefined` where an escape is malformed. */
export function percentDecode(text: string, plusIsBlank = false): string | undefined {
  const plain = plusIsBlank ? text.replaceAll('+', ' ') : text
  if (!plain.includes('%')) return plain
  if (/%(?![0-9A-Fa-f]{2})/.test(plain)) return undefined
  const bytes = toByteString(plain).replace(/%([0-9A-Fa-f]{2})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
  return fromByteString(bytes)
}

export function escapedPath(url: GoUrl): string {
  const raw = url.rawPath ?? ''
  if (raw !== '' && /^[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]/%]*$/.test(raw) && percentDecode(raw) === url.path)
    return raw
  return url.path === '*' ? '*' : percentEncode(url.path, 'path')
}

/** Go's `Userinfo.String`; of a nil pointer nothing. */
export function userText(user: UserInfo | undefined): string {
  if (user === undefined) return ''
  const password = user.password === undefined ? '' : `:${percentEncode(user.password, 'user')}`
  return percentEncode(user.name, 'user') + password
}

/** Go's `URL.String`. */
export function urlText(url: GoUrl): string {
  let out = url.scheme === '' ? '' : `${url.scheme}:`
  const { opaque = '', user, host, fragment = '' } = url
  if (opaque !== '') out += opaque
  else {
    const silent = url.omitHost === true && host === '' && user === undefined
    if ((url.scheme !== '' || host !== '' || user !== undefined) && !silent) {
      if (host !== '' || url.path !== '' || user !== undefined) out += '//'
      if (user !== undefined) out += `${userText(user)}@`
      out += percentEncode(host, 'host')
    }
    const path = escapedPath(url)
    if (path !== '' && !path.startsWith('/') && host !== '') out += '/'
    if (out === '' && (path.split('/', 1)[0] as string).includes(':')) out += '../../lib/'
    out += path
  }
  if (url.forceQuery === true || url.rawQuery !== '') out += `?${url.rawQuery}`
  if (fragment !== '') out += `#${percentEncode(fragment, 'fragment')}`
  return out
}

function splitHost(hostPort: string): { host: string; port: string } {
  const found = /^(.*):([0-9]*)$/s.exec(hostPort)
  const host = found === null ? hostPort : (found[1] as string)
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  return { host: bare, port: found?.[2] ?? '' }
}
export const hostname = (url: GoUrl): string => splitHost(url.host).host

/** Go's `url.ParseQuery` without its errors: malformed parts are left out. */
export function parseQuery(query: string): Map<string, Value> {
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
  return new Map([...values].map(([key, list]) => [key, sliceOf('[]string', list)]))
}

const first = (map: GoMap, key: string): string => {
  const list = map.entries.get(key) as readonly string[] | undefined
  return list?.[0] ?? ''
}
const noResult = (...parameters: 'string'[]): Method<never> => ({ signature: signature(parameters) })

const VALUES: MapType = {
  name: 'url.Values',
  zero: nilSlice('[]string'),
  methods: new Map<string, Method<GoMap>>([
    ['Get', { signature: signature(['string']), run: (map, [key]) => first(map, key as string) }],
    ['Has', { signature: signature(['string']), run: (map, [key]) => map.entries.has(key as string) }],
    [
      'Encode',
      {
        signature: signature([]),
        run: map =>
          mapKeys(map)
            .flatMap(key =>
              (map.entries.get(key) as readonly string[]).map(
                value => `${queryEscape(key)}=${queryEscape(value)}`,
              ),
            )
            .join('&'),
      },
    ],
    ['Add', noResult('string', 'string')],
    ['Set', noResult('string', 'string')],
    ['Del', noResult('string')],
  ]),
}

const USER: StructType<UserInfo> = {
  name: 'url.Userinfo',
  pointer: true,
  fields: new Map(),
  methods: new Map<string, Method<UserInfo>>([
    ['Username', { signature: signature([]), run: user => user?.name ?? '' }],
    ['Password', { signature: signature([]) }],
    ['String', { signature: signature([]), run: userText }],
  ]),
  text: userText,
  json: () => '{}',
}
const NO_USER = new GoStruct(USER as StructType<unknown>, undefined, true)

const field = (json: string, get: (url: GoUrl) => Value): readonly [string, Field<GoUrl>] => [
  json,
  { json, get },
]
const method = (name: string, run: (url: GoUrl) => Value): readonly [string, Method<GoUrl>] => [
  name,
  { signature: signature([]), run },
]

const URL_TYPE: StructType<GoUrl> = {
  name: 'url.URL',
  pointer: true,
  fields: new Map([
    field('Scheme', url => url.scheme),
    field('Opaque', url => url.opaque ?? ''),
    field('User', url => (url.user === undefined ? NO_USER : goStruct(USER, url.user))),
    field('Host', url => url.host),
    field('Path', url => url.path),
    field('Fragment', url => url.fragment ?? ''),
    field('RawQuery', url => url.rawQuery),
    field('RawPath', url => url.rawPath ?? ''),
    field('RawFragment', () => ''),
    field('ForceQuery', url => url.forceQuery ?? false),
    field('OmitHost', url => url.omitHost ?? false),
  ]),
  methods: new Map<string, Method<GoUrl>>([
    method('String', urlText),
    method('Redacted', url =>
      urlText(url.user?.password === undefined ? url : { ...url, user: { ...url.user, password: 'xxxxx' } }),
    ),
    method('Query', url => new GoMap(VALUES, () => parseQuery(url.rawQuery))),
    method('Hostname', hostname),
    method('Port', url => splitHost(url.host).port),
    method('EscapedPath', escapedPath),
    method('EscapedFragment', url => percentEncode(url.fragment ?? '', 'fragment')),
    method('IsAbs', url => url.scheme !== ''),
    method('RequestURI', url => {
      const { opaque = '' } = url
      const path =
        opaque === '' ? escapedPath(url) || '/' : opaque.startsWith('//') ? `${url.scheme}:${opaque}` : opaque
      return path + (url.forceQuery === true || url.rawQuery !== '' ? `?${url.rawQuery}` : '')
    }),
  ]),
  text: urlText,
}

/** A `*url.URL`. */
export const goUrl = (url: GoUrl): GoStruct => goStruct(URL_TYPE, url)
/** A nil `*url.URL`. */
export const NO_URL = new GoStruct(URL_TYPE as StructType<unknown>, undefined, true)
