/** Go's `url.URL`, `url.Userinfo` and `url.Values` with the fields and methods that templates can use. */

import {
  escapedPath,
  formatUrl,
  formatUserInfo,
  type GoUrl,
  hostname,
  parseQuery,
  percentEncode,
  queryEscape,
  splitHost,
  type UserInfo,
} from '../../golang/index.ts'
import { signature } from './signature.ts'
import {
  GoMap,
  type GoMethod,
  GoStruct,
  type GoValue,
  goSlice,
  goStruct,
  type MapType,
  mapKeys,
  nilSlice,
  type StructField,
  type StructType,
} from './value.ts'

const firstValue = (map: GoMap, key: string): string => {
  const list = map.entries.get(key) as readonly string[] | undefined
  return list?.[0] ?? ''
}
const noResult = (...parameters: 'string'[]): GoMethod<never> => ({ signature: signature(parameters) })

const VALUES_TYPE: MapType = {
  name: 'url.Values',
  zero: nilSlice('[]string'),
  methods: new Map<string, GoMethod<GoMap>>([
    ['Get', { signature: signature(['string']), run: (map, [key]) => firstValue(map, key as string) }],
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

/** The entries of Go's `url.Values`. */
const valuesOf = (query: string): Map<string, GoValue> =>
  new Map([...parseQuery(query)].map(([name, list]) => [name, goSlice('[]string', list)]))

const USERINFO_TYPE: StructType<UserInfo> = {
  name: 'url.Userinfo',
  pointer: true,
  fields: new Map(),
  methods: new Map<string, GoMethod<UserInfo>>([
    ['Username', { signature: signature([]), run: user => user?.name ?? '' }],
    ['Password', { signature: signature([]) }],
    ['String', { signature: signature([]), run: formatUserInfo }],
  ]),
  text: formatUserInfo,
  json: () => '{}',
}
const NIL_USERINFO = new GoStruct(USERINFO_TYPE as StructType<unknown>, undefined, true)

const field = (json: string, get: (url: GoUrl) => GoValue): readonly [string, StructField<GoUrl>] => [
  json,
  { json, get },
]
const method = (name: string, run: (url: GoUrl) => GoValue): readonly [string, GoMethod<GoUrl>] => [
  name,
  { signature: signature([]), run },
]

const URL_TYPE: StructType<GoUrl> = {
  name: 'url.URL',
  pointer: true,
  fields: new Map([
    field('Scheme', url => url.scheme),
    field('Opaque', url => url.opaque ?? ''),
    field('User', url => (url.user === undefined ? NIL_USERINFO : goStruct(USERINFO_TYPE, url.user))),
    field('Host', url => url.host),
    field('Path', url => url.path),
    field('Fragment', url => url.fragment ?? ''),
    field('RawQuery', url => url.rawQuery),
    field('RawPath', url => url.rawPath ?? ''),
    field('RawFragment', () => ''),
    field('ForceQuery', url => url.forceQuery ?? false),
    field('OmitHost', url => url.omitHost ?? false),
  ]),
  methods: new Map<string, GoMethod<GoUrl>>([
    method('String', formatUrl),
    method('Redacted', url =>
      formatUrl(
        url.user?.password === undefined ? url : { ...url, user: { ...url.user, password: 'xxxxx' } },
      ),
    ),
    method('Query', url => new GoMap(VALUES_TYPE, () => valuesOf(url.rawQuery))),
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
  text: formatUrl,
}

/** A `*url.URL`. */
export const goUrl = (url: GoUrl): GoStruct => goStruct(URL_TYPE, url)
/** A nil `*url.URL`. */
export const NIL_URL = new GoStruct(URL_TYPE as StructType<unknown>, undefined, true)
