/** lib/template_url — Go's `url.URL` and `url.Values` as templates see them. Knows nothing of access control. */

import {
  escapedPath,
  type GoUrl,
  hostname,
  parseQuery,
  percentEncode,
  queryEscape,
  splitHost,
  type UserInfo,
  urlText,
  userText,
} from '../../golang/index.ts'
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

/** Go's `url.Values` of a query. */
const valuesOf = (query: string): Map<string, Value> =>
  new Map([...parseQuery(query)].map(([name, list]) => [name, sliceOf('[]string', list)]))

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
    method('Query', url => new GoMap(VALUES, () => valuesOf(url.rawQuery))),
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
