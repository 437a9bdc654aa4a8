/** envoy/wire — reads a CheckRequest, only the fields in use. Knows protobuf's encoding, not what the fields mean. */
import { isUtf8 } from 'node:buffer'
import { ProtobufReader } from '../grpc/protobuf_reader.ts'

/** A byte range of the message; a string is made of it where one is needed. */
interface ByteRange {
  readonly start: number
  readonly end: number
}
const EMPTY_RANGE: ByteRange = { start: 0, end: 0 }

/** Of each header four offsets: start and end of the name, start and end of the value. One list makes less to collect than an object each. */
const OFFSETS_PER_HEADER = 4
/** What a browser sends and Envoy adds has room from the beginning; the list grows where there is more. */
const INITIAL_OFFSETS = 24 * OFFSETS_PER_HEADER

/** What rules may ask of a CheckRequest. */
export class CheckRequestMessage {
  /** An HTTP request is there at all (a check of the network filter has none, F5). */
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
  /** `header_map` where Envoy filled it (D7), else `headers`. */
  readonly #headers: number[] = new Array(INITIAL_OFFSETS)
  #used = 0
  #raw = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    const fields = new ProtobufReader(bytes)
    while (fields.next(bytes.length))
      if (fields.fieldNumber === 1) this.#readAttributes(fields, fields.enter())
  }

  get method(): string {
    return this.#text(this.#method)
  }
  /** Host and port. */
  get authority(): string {
    return this.#text(this.#host)
  }
  /**
   * Path and query. Envoy replaces bytes that are not UTF-8 in its field `path` by "!" and forwards the bytes themselves;
   * the header `:path`, where Envoy sends it, has the bytes.
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

  header(name: string): string | undefined {
    const at = this.#find(name, 0)
    return at < 0 ? undefined : this.#value(at)
  }

  *headerEntries(): Generator<readonly [string, string]> {
    const headers = this.#headers
    for (let at = 0; at < this.#used; at += OFFSETS_PER_HEADER) {
      const name = this.#bytes.toString('latin1', headers[at], headers[at + 1]).toLowerCase()
      if (!name.startsWith(':')) yield [name, this.#value(at)]
    }
  }

  #text({ start, end }: ByteRange): string {
    return decodeText(this.#bytes, start, end)
  }

  #value(at: number): string {
    return decodeText(this.#bytes, this.#headers[at + 2] as number, this.#headers[at + 3] as number)
  }

  /** Where a header of that name stands in the list, from `at` on; -1 for nowhere. */
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

  /** A map entry, or a HeaderValue with its text in `value` or `raw_value`; absent is empty. */
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
  }
}

const rangeOf = ({ start, end }: ByteRange): ByteRange => ({ start, end })

/** UTF-8 where it is that, Latin-1 byte for byte where it is not, so that no two unlike values become one (D3). */
function decodeText(bytes: Buffer, start: number, end: number): string {
  const latin1 = bytes.toString('latin1', start, end)
  // Each character beyond ASCII takes a second byte: the quickest way to learn that there is none.
  if (Buffer.byteLength(latin1) === latin1.length) return latin1
  return isUtf8(bytes.subarray(start, end)) ? bytes.toString('utf8', start, end) : latin1
}
