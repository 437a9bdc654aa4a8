/** The header fields of one request, held against RFC 9113, sections 8.2 and 8.3. */
import { FieldKind, fieldBytes, type HeaderField } from './header_field.ts'
import type { FieldSink } from './hpack_decoder.ts'

/** Size of a header list, counted as RFC 9113 does it for SETTINGS_MAX_HEADER_LIST_SIZE. */
export const MAX_HEADER_LIST_BYTES = 65_536

export class RequestHeaders implements FieldSink {
  method = ''
  path = ''
  /** The request breaks a rule of RFC 9113, which is an error of its stream. */
  malformed = false
  /** The list exceeds `MAX_HEADER_LIST_BYTES`. Its fields after that are dropped. */
  tooLarge = false
  /** `undefined` where the request does not say it. */
  contentLength: number | undefined = undefined
  #scheme = ''
  #hasAuthority = false
  /** Size of the list, counted as RFC 9113 does it. */
  bytes = 0
  readonly #fields: HeaderField[] = []

  /** The first value of a regular field, by its name in lower case. */
  get(name: string): string | undefined {
    const fields = this.#fields
    for (let i = 0; i < fields.length; i++) if (fields[i]?.name === name) return fields[i]?.value
    return undefined
  }

  add(field: HeaderField): void {
    this.bytes += fieldBytes(field)
    if (this.bytes > MAX_HEADER_LIST_BYTES) this.tooLarge = true
    else if (field.kind === FieldKind.regular) this.#fields.push(field)
    else if (field.kind === FieldKind.contentLength) this.#addContentLength(field)
    else this.#addPseudoHeader(field)
  }

  /** Pseudo-header fields come before all others, once each, and only `:authority` may be empty. */
  #addPseudoHeader({ kind, value }: HeaderField): void {
    if (this.#fields.length > 0) this.malformed = true
    if (kind === FieldKind.method && this.method === '') this.method = value
    else if (kind === FieldKind.path && this.path === '') this.path = value
    else if (kind === FieldKind.scheme && this.#scheme === '') this.#scheme = value
    else if (kind === FieldKind.authority && !this.#hasAuthority) this.#hasAuthority = true
    else this.malformed = true
    if (value === '' && kind !== FieldKind.authority) this.malformed = true
  }

  #addContentLength(field: HeaderField): void {
    this.#fields.push(field)
    const { value } = field
    const length = /^\d{1,15}$/.test(value) ? Number(value) : undefined
    if (length === undefined || (this.contentLength ?? length) !== length) this.malformed = true
    this.contentLength = length
  }

  /** Whether the request has what every request must have. Called after its last field. */
  get isComplete(): boolean {
    return !this.malformed && this.method !== '' && this.path !== '' && this.#scheme !== ''
  }
}

/** Trailers of a request. gRPC gives them no meaning, so they are decoded and checked only. */
export class RequestTrailers implements FieldSink {
  malformed = false
  add(field: HeaderField): void {
    if (field.kind !== FieldKind.regular) this.malformed = true
  }
}
