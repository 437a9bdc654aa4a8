/** sprig's `urlParse` and `urlJoin`. */
import { formatUrl, formatUserInfo, GoError, hostname, parseUrl } from '../../golang/index.ts'
import { type FunctionTable, goFunc } from '../values/signature.ts'
import { ANY_MAP, type AnyMap, GoMap, type GoValue, kindName, mapGet } from '../values/value.ts'

function stringEntry(map: AnyMap, key: string): string {
  const value = mapGet(map, key)
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  throw new GoError(`unable to parse ${key} key, must be of type string, but ${kindName(value)} found`)
}

export const URL_FUNCTIONS: FunctionTable = {
  urlParse: goFunc(['string'], text => {
    const url = parseUrl(text)
    return new GoMap(
      ANY_MAP,
      new Map<string, GoValue>([
        ['scheme', url.scheme],
        ['host', url.host],
        ['hostname', hostname(url)],
        ['path', url.path],
        ['query', url.rawQuery],
        ['opaque', url.opaque ?? ''],
        ['fragment', url.fragment ?? ''],
        ['userinfo', formatUserInfo(url.user)],
      ]),
    )
  }),
  urlJoin: goFunc(['map'], map => {
    const userinfo = stringEntry(map, 'userinfo')
    return formatUrl({
      scheme: stringEntry(map, 'scheme'),
      opaque: stringEntry(map, 'opaque'),
      host: stringEntry(map, 'host'),
      path: stringEntry(map, 'path'),
      rawQuery: stringEntry(map, 'query'),
      fragment: stringEntry(map, 'fragment'),
      user: userinfo === '' ? undefined : parseUrl(`proto://${userinfo}@host`).user,
    })
  }),
}
