/** lib/template_sprig_urls — sprig's `urlParse` and `urlJoin`. Knows nothing of access control. */
import { Fault, hostname, parseUrl, urlText, userText } from '../../golang/index.ts'
import { type FunctionTable, fn } from '../values/signature.ts'
import { ANY_MAP, type AnyMap, GoMap, kindName, mapGet, type Value } from '../values/value.ts'

function part(map: AnyMap, key: string): string {
  const value = mapGet(map, key)
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  throw new Fault(`unable to parse ${key} key, must be of type string, but ${kindName(value)} found`)
}

export const URLS: FunctionTable = {
  urlParse: fn(['string'], text => {
    const url = parseUrl(text)
    return new GoMap(
      ANY_MAP,
      new Map<string, Value>([
        ['scheme', url.scheme],
        ['host', url.host],
        ['hostname', hostname(url)],
        ['path', url.path],
        ['query', url.rawQuery],
        ['opaque', url.opaque ?? ''],
        ['fragment', url.fragment ?? ''],
        ['userinfo', userText(url.user)],
      ]),
    )
  }),
  urlJoin: fn(['map'], map => {
    const userinfo = part(map, 'userinfo')
    return urlText({
      scheme: part(map, 'scheme'),
      opaque: part(map, 'opaque'),
      host: part(map, 'host'),
      path: part(map, 'path'),
      rawQuery: part(map, 'query'),
      fragment: part(map, 'fragment'),
      user: userinfo === '' ? undefined : parseUrl(`proto://${userinfo}@host`).user,
    })
  }),
}
