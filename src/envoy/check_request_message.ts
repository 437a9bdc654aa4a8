/**
 * Reads the fields of a CheckRequest that rules can use from its bytes. Long because one class holds the offsets
 * of all headers and every way to read them.
 */
import { isUtf8 } from 'node:buffer'
import { ProtobufReader } from '../grpc/protobuf_reader.ts'
import { MAX_HEADERS } from '../http/request_line.ts'

/** A byte range of the message. It becomes a string when the field is read, because most fields never are. */
interface ByteRange {
  readonly start: number
  readonly end: number
}
const EMPTY_RANGE: ByteRange = { start: 0, end: 0 }

/**
 * Offsets of each header: start and end of its name, start and end of its value. One list of numbers is less
 * work for the garbage collector than an object for each header.
 */
const OFFSETS_PER_HEADER = 4
/** Initial capacity: the usual headers of a browser and of Envoy. The list grows when there are more. */
const INITIAL_OFFSETS = 24 * OFFSETS_PER_HEADER
/** One header more than a request may have. Reading the others could take longer than a decision. */
const MAX_OFFSETS = (MAX_HEADERS + 1) * OFFSETS_PER_HEADER
const NO_NAMES: readonly string[] = []
/** By byte, 1 for the symbols that a header name may have besides the hyphen (RFC 9110, 5.6.2). */
const IS_SYMBOL = Uint8Array.from({ length: 256 }, (_, byte) =>
  "!#$%&'*+.^_`|~".includes(String.fromCharCode(byte)) ? 1 : 0,
)
const TOO_MANY_HEADERS = Symbol('too many headers')

/**
 * A CheckRequest. The constructor throws `ProtobufError` for bytes that are not one. It stops at the first header
 * beyond `MAX_HEADERS`: then `headerCount` is greater, and other fields may be missing.
 */
export class CheckRequestMessage {
  /** False for a Check of Envoy's network filter, which describes a connection and no HTTP request. */
  hasHttpRequest = false
  readonly #bytes: Buffer
  #method = EMPTY_RANGE
  #path = EMPTY_RANGE
  #host = EMPTY_RANGE
  #scheme = EMPTY_RANGE
  #sourceAddress = EMPTY_RANGE
  #principal = EMPTY_RANGE
  #sni = EMPTY_RANGE
  #body: ByteRange | undefined
  /** Those of `header_map` where Envoy fills it (`encode_raw_headers`), else those of `headers`. */
  readonly #headers: number[] = new Array(INITIAL_OFFSETS)
  #used = 0
  #raw = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    const fields = new ProtobufReader(bytes)
    try {
      while (fields.next(bytes.length))
        if (fields.fieldNumber === 1) this.#readAttributes(fields, fields.enter())
    } catch (error) {
      if (error !== TOO_MANY_HEADERS) throw error
    }
  }

  get method(): string {
    return this.#text(this.#method)
  }
  /** Host and port. */
  get authority(): string {
    return this.#text(this.#host)
  }
  /**
   * Path and query. Envoy replaces bytes that are not UTF-8 in its field `path` by "!" and forwards the bytes
   * themselves; the header `:path`, where Envoy sends it, has the bytes.
   */
  get target(): string {
    return this.header(':path') ?? this.#text(this.#path)
  }
  get scheme(): string {
    return this.#text(this.#scheme)
  }
  get sourceAddress(): string {
    return this.#text(this.#sourceAddress)
  }
  get principal(): string {
    return this.#text(this.#principal)
  }
  get sni(): string {
    return this.#text(this.#sni)
  }
  get body(): Uint8Array | undefined {
    return this.#body && this.#bytes.subarray(this.#body.start, this.#body.end)
  }

  get headerCount(): number {
    return this.#used / OFFSETS_PER_HEADER
  }

  /** All values of a header in wire order; `name` in lower case. */
  headerValues(name: string): string[] {
    const found: string[] = []
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + OFFSETS_PER_HEADER))
      found.push(this.#value(at))
    return found
  }

  /** The first value of a header; `name` in lower case. */
  header(name: string): string | undefined {
    const at = this.#find(name, 0)
    return at < 0 ? undefined : this.#value(at)
  }

  /** All headers except pseudo headers, in wire order; names in lower case. */
  *headerEntries(): Generator<readonly [string, string]> {
    const headers = this.#headers
    for (let at = 0; at < this.#used; at += OFFSETS_PER_HEADER) {
      const name = this.#bytes.toString('latin1', headers[at], headers[at + 1]).toLowerCase()
      if (!name.startsWith(':')) yield [name, this.#value(at)]
    }
  }

  /** Lower-case names of these lengths that have a symbol besides hyphens. Creates no string for others. */
  headerNamesWithSymbols(lengths: Uint8Array): readonly string[] {
    let found: string[] | undefined
    const headers = this.#headers
    for (let at = 0; at < this.#used; at += OFFSETS_PER_HEADER) {
      const start = headers[at] as number
      const end = headers[at + 1] as number
      if (lengths[end - start] !== 1 || !this.#hasSymbol(start, end)) continue
      found ??= []
      found.push(this.#bytes.toString('latin1', start, end).toLowerCase())
    }
    return found ?? NO_NAMES
  }

  /** Whether a name has a symbol other than a hyphen. Pseudo headers begin with a colon, which is none. */
  #hasSymbol(start: number, end: number): boolean {
    for (let at = start; at < end; at++) if (IS_SYMBOL[this.#bytes[at] as number] === 1) return true
    return false
  }

  #text({ start, end }: ByteRange): string {
    return decodeText(this.#bytes, start, end)
  }

  #value(at: number): string {
    return decodeText(this.#bytes, this.#headers[at + 2] as number, this.#headers[at + 3] as number)
  }

  /** Index of the next header of a name in the list of offsets, from `from` on; -1 without one. */
  #find(name: string, from: number): number {
    const headers = this.#headers
    for (let at = from; at < this.#used; at += OFFSETS_PER_HEADER) {
      const start = headers[at] as number
      if ((headers[at + 1] as number) - start === name.length && this.#isNamed(start, name)) return at
    }
    return -1
  }

  #isNamed(start: number, name: string): boolean {
    for (let i = 0; i < name.length; i++) {
      const byte = this.#bytes[start + i] as number
      const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
      if (lower !== name.charCodeAt(i)) return false
    }
    return true
  }

  #readAttributes(fields: ProtobufReader, to: number): void {
    while (fields.next(to)) {
      if (fields.fieldNumber === 1) this.#readSource(fields, fields.enter())
      else if (fields.fieldNumber === 4) this.#readRequest(fields, fields.enter())
      else if (fields.fieldNumber === 12) this.#readTls(fields, fields.enter())
    }
  }

  #readSource(fields: ProtobufReader, to: number): void {
    while (fields.next(to)) {
      if (fields.fieldNumber === 1) this.#readAddress(fields, fields.enter())
      else if (fields.fieldNumber === 4) this.#principal = rangeOf(fields)
    }
  }

  #readAddress(fields: ProtobufReader, to: number): void {
    while (fields.next(to)) if (fields.fieldNumber === 1) this.#readSocketAddress(fields, fields.enter())
  }

  #readSocketAddress(fields: ProtobufReader, to: number): void {
    while (fields.next(to)) if (fields.fieldNumber === 2) this.#sourceAddress = rangeOf(fields)
  }

  #readTls(fields: ProtobufReader, to: number): void {
    while (fields.next(to)) if (fields.fieldNumber === 1) this.#sni = rangeOf(fields)
  }

  #readRequest(fields: ProtobufReader, to: number): void {
    while (fields.next(to)) if (fields.fieldNumber === 2) this.#readHttp(fields, fields.enter())
  }

  #readHttp(fields: ProtobufReader, to: number): void {
    this.hasHttpRequest = true
    while (fields.next(to)) {
      switch (fields.fieldNumber) {
        case 2:
          this.#method = rangeOf(fields)
          break
        case 3:
          if (!this.#raw) this.#readHeader(fields, fields.enter())
          break
        case 4:
          this.#path = rangeOf(fields)
          break
        case 5:
          this.#host = rangeOf(fields)
          break
        case 6:
          this.#scheme = rangeOf(fields)
          break
        case 11:
        case 12:
          this.#body = rangeOf(fields)
          break
        case 13:
          if (!this.#raw) this.#used = 0
          this.#raw = true
          this.#readHeaderMap(fields, fields.enter())
      }
    }
  }

  #readHeaderMap(fields: ProtobufReader, to: number): void {
    while (fields.next(to)) if (fields.fieldNumber === 1) this.#readHeader(fields, fields.enter())
  }

  /** A map entry, or a HeaderValue with its text in `value` or `raw_value`. An absent field is empty. */
  #readHeader(fields: ProtobufReader, to: number): void {
    let nameStart = to
    let nameEnd = to
    let start = to
    let end = to
    while (fields.next(to)) {
      if (fields.fieldNumber === 1) {
        nameStart = fields.start
        nameEnd = fields.end
      } else if (fields.fieldNumber === 2 || (fields.fieldNumber === 3 && this.#raw)) {
        start = fields.start
        end = fields.end
      }
    }
    this.#headers[this.#used++] = nameStart
    this.#headers[this.#used++] = nameEnd
    this.#headers[this.#used++] = start
    this.#headers[this.#used++] = end
    if (this.#used >= MAX_OFFSETS) throw TOO_MANY_HEADERS
  }
}

const rangeOf = ({ start, end }: ByteRange): ByteRange => ({ start, end })

/**
 * The text of bytes: UTF-8 where they are valid UTF-8, else Latin-1. Replacing invalid bytes would make
 * different values equal.
 */
function decodeText(bytes: Buffer, start: number, end: number): string {
  const latin1 = bytes.toString('latin1', start, end)
  // Characters beyond ASCII take two bytes in UTF-8. Comparing lengths is the fastest way to find that there
  // are none.
  if (Buffer.byteLength(latin1) === latin1.length) return latin1
  return isUtf8(bytes.subarray(start, end)) ? bytes.toString('utf8', start, end) : latin1
}
