/** One header field of a request, with what RFC 9113 says of its name and value. */

/** What a field is for the rules of RFC 9113, sections 8.2 and 8.3. */
export const FieldKind = {
  regular: 0,
  method: 1,
  scheme: 2,
  path: 3,
  authority: 4,
  contentLength: 5,
  /** A request with such a field is malformed. */
  malformed: 6,
} as const
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind]

export interface HeaderField {
  readonly name: string
  /** One character for each byte. */
  readonly value: string
  readonly kind: FieldKind
}

/** What a field counts in a table and in a list, beside its text (RFC 7541, section 4.1). */
const OVERHEAD_BYTES = 32
export const fieldBytes = ({ name, value }: HeaderField): number =>
  OVERHEAD_BYTES + name.length + value.length

export const createHeaderField = (name: string, value: string): HeaderField => ({
  name,
  value,
  kind: kindOf(name, value),
})

const KIND_BY_NAME: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  [':method', FieldKind.method],
  [':scheme', FieldKind.scheme],
  [':path', FieldKind.path],
  [':authority', FieldKind.authority],
  ['content-length', FieldKind.contentLength],
  // They concern one connection, which HTTP/2 describes by other means.
  ['connection', FieldKind.malformed],
  ['keep-alive', FieldKind.malformed],
  ['proxy-connection', FieldKind.malformed],
  ['transfer-encoding', FieldKind.malformed],
  ['upgrade', FieldKind.malformed],
])

/** A token of RFC 9110, section 5.6.2, without capital letters. */
const VALID_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
/** Texts of pseudo-header fields: RFC 9110, section 9.1, and RFC 3986, sections 3.1 to 3.3, without userinfo (RFC 9113, section 8.3.1). */
const VALID_PSEUDO_VALUE: ReadonlyMap<FieldKind, RegExp> = new Map<FieldKind, RegExp>([
  [FieldKind.method, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/],
  [FieldKind.scheme, /^(?:[A-Za-z][A-Za-z0-9+\-.]*)?$/],
  [FieldKind.authority, /^[A-Za-z0-9\-._~%!$&'()*+,;=:[\]]*$/],
  [FieldKind.path, /^[!-~\x80-\xff]*$/],
])
const INVALID_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/

function kindOf(name: string, value: string): FieldKind {
  if (INVALID_VALUE.test(value)) return FieldKind.malformed
  if (name === 'te' && value !== 'trailers') return FieldKind.malformed
  const kind = KIND_BY_NAME.get(name)
  if (kind === undefined) return VALID_NAME.test(name) ? FieldKind.regular : FieldKind.malformed
  return VALID_PSEUDO_VALUE.get(kind)?.test(value) === false ? FieldKind.malformed : kind
}
