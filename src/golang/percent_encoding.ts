/** Percent-encoding as in Go's net/url package. */
import { fromByteString, toByteString } from './strings.ts'

export type EscapeMode = 'path' | 'segment' | 'user' | 'query' | 'fragment' | 'host'

/** Bytes that are not escaped, in addition to letters, digits and `-_.~`. */
const UNESCAPED: Readonly<Record<EscapeMode, string>> = {
  path: '$&+,/:;=@',
  segment: '$&+:=@',
  user: '$&+,;=',
  query: '',
  fragment: '$&+,/:;=?@!()*',
  host: '!$&\'()*+,;=:[]<>"',
}

export function percentEncode(text: string, mode: EscapeMode): string {
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

/** Go's `url.PathUnescape`, or with `plusIsBlank` `url.QueryUnescape`. `undefined` for a malformed escape. */
export function percentDecode(text: string, plusIsBlank = false): string | undefined {
  const plain = plusIsBlank ? text.replaceAll('+', ' ') : text
  if (!plain.includes('%')) return plain
  if (/%(?![0-9A-Fa-f]{2})/.test(plain)) return undefined
  const bytes = toByteString(plain).replace(/%([0-9A-Fa-f]{2})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
  return fromByteString(bytes)
}
