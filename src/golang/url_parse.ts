/** Go's `url.Parse`. */
import { GoError } from './limits.ts'
import { percentDecode, percentEncode } from './percent_encoding.ts'
import type { GoUrl, UserInfo } from './url.ts'

/** Throws a `GoError` where Go returns an error; the message does not contain the URL. */
export function parseUrl(text: string): GoUrl {
  if (/\p{Cc}/u.test(text)) throw new GoError('invalid control character in URL')
  const mark = text.indexOf('#')
  const body = mark < 0 ? text : text.slice(0, mark)
  const fragment = mark < 0 ? '' : decodeEscapes(text.slice(mark + 1))
  const schemed = /^([A-Za-z][A-Za-z0-9+\-.]*):/.exec(body)
  if (schemed === null && body.startsWith(':')) throw new GoError('missing protocol scheme')
  const scheme = (schemed?.[1] ?? '').toLowerCase()
  let rest = body.slice(schemed?.[0].length ?? 0)
  const question = rest.indexOf('?')
  const forceQuery = question >= 0 && question === rest.length - 1
  const rawQuery = question < 0 ? '' : rest.slice(question + 1)
  if (question >= 0) rest = rest.slice(0, question)
  const base = { scheme, rawQuery, forceQuery, fragment }
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { ...base, opaque: rest, host: '', path: '' }
    if ((rest.split('/', 1)[0] as string).includes(':')) {
      throw new GoError('first path segment in URL cannot contain colon')
    }
  }
  let host = ''
  let user: UserInfo | undefined
  const hasAuthority = rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'))
  if (hasAuthority) {
    const slash = rest.indexOf('/', 2)
    const authority = rest.slice(2, slash < 0 ? undefined : slash)
    rest = slash < 0 ? '' : rest.slice(slash)
    const at = authority.lastIndexOf('@')
    if (at >= 0) user = parseUser(authority.slice(0, at))
    host = parseHost(authority.slice(at + 1))
  }
  const path = decodeEscapes(rest)
  const omitHost = scheme !== '' && !hasAuthority && rest.startsWith('/')
  return {
    ...base,
    host,
    user,
    path,
    omitHost,
    ...(percentEncode(path, 'path') === rest ? {} : { rawPath: rest }),
  }
}

function decodeEscapes(text: string): string {
  const plain = percentDecode(text)
  if (plain === undefined) throw new GoError('invalid URL escape')
  return plain
}

function parseUser(text: string): UserInfo {
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(text)) throw new GoError('invalid userinfo')
  const colon = text.indexOf(':')
  if (colon < 0) return { name: decodeEscapes(text), password: undefined }
  return { name: decodeEscapes(text.slice(0, colon)), password: decodeEscapes(text.slice(colon + 1)) }
}

function parseHost(text: string): string {
  const port = text.startsWith('[')
    ? text.slice(text.lastIndexOf(']') + 1)
    : (/:[^:]*$/.exec(text)?.[0] ?? '')
  if (text.startsWith('[') && !text.includes(']')) throw new GoError("missing ']' in host")
  if (!/^(?::[0-9]*)?$/.test(port)) throw new GoError('invalid port after host')
  const host = decodeEscapes(text)
  if (/[\s<>"\\^`{|}]/.test(text)) throw new GoError('invalid character in host name')
  return host
}
