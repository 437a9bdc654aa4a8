/** The tables of HPACK: the static one of RFC 7541, appendix A, and the dynamic one of a connection. */
import { createHeaderField, fieldBytes, type HeaderField } from './header_field.ts'

const STATIC_FIELDS: readonly (readonly [name: string, value?: string])[] = [
  [':authority'],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset'],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language'],
  ['accept-ranges'],
  ['accept'],
  ['access-control-allow-origin'],
  ['age'],
  ['allow'],
  ['authorization'],
  ['cache-control'],
  ['content-disposition'],
  ['content-encoding'],
  ['content-language'],
  ['content-length'],
  ['content-location'],
  ['content-range'],
  ['content-type'],
  ['cookie'],
  ['date'],
  ['etag'],
  ['expect'],
  ['expires'],
  ['from'],
  ['host'],
  ['if-match'],
  ['if-modified-since'],
  ['if-none-match'],
  ['if-range'],
  ['if-unmodified-since'],
  ['last-modified'],
  ['link'],
  ['location'],
  ['max-forwards'],
  ['proxy-authenticate'],
  ['proxy-authorization'],
  ['range'],
  ['referer'],
  ['refresh'],
  ['retry-after'],
  ['server'],
  ['set-cookie'],
  ['strict-transport-security'],
  ['transfer-encoding'],
  ['user-agent'],
  ['vary'],
  ['via'],
  ['www-authenticate'],
]
/** Index 1 of HPACK is the first element. */
const STATIC_TABLE: readonly HeaderField[] = STATIC_FIELDS.map(([name, value = '']) =>
  createHeaderField(name, value),
)

/** The size that a decoder allows unless it announces another one (RFC 9113, section 6.5.2). */
const MAX_TABLE_BYTES = 4096
/** The most fields that fit: an empty field counts 32 bytes. A power of two, for the ring below. */
const MAX_FIELDS = MAX_TABLE_BYTES / 32

/** Both tables in one space of indexes: 1 to 61 are static, and 62 is the newest field of the dynamic table. */
export class HpackTable {
  /** A ring: the newest field is at `#newest`, older ones follow at greater places. */
  readonly #ring = new Array<HeaderField | undefined>(MAX_FIELDS).fill(undefined)
  #newest = 0
  #count = 0
  #bytes = 0
  #maxBytes = MAX_TABLE_BYTES

  /** `undefined` where there is no such index. */
  at(index: number): HeaderField | undefined {
    if (index <= STATIC_TABLE.length) return STATIC_TABLE[index - 1]
    const place = index - STATIC_TABLE.length - 1
    return place < this.#count ? this.#ring[(this.#newest + place) % MAX_FIELDS] : undefined
  }

  /** Adds the field as the newest. One that is larger than the table empties it (RFC 7541, section 4.4). */
  add(field: HeaderField): void {
    const bytes = fieldBytes(field)
    this.#evictAbove(this.#maxBytes - bytes)
    if (bytes > this.#maxBytes) return
    this.#newest = (this.#newest + MAX_FIELDS - 1) % MAX_FIELDS
    this.#ring[this.#newest] = field
    this.#count++
    this.#bytes += bytes
  }

  /** Sets the size that the encoder has chosen. False where it exceeds the size that a decoder allows. */
  resize(maxBytes: number): boolean {
    if (maxBytes > MAX_TABLE_BYTES) return false
    this.#maxBytes = maxBytes
    this.#evictAbove(maxBytes)
    return true
  }

  /** Evicts the oldest fields until the rest counts at most this many bytes. */
  #evictAbove(bytes: number): void {
    while (this.#bytes > bytes && this.#count > 0) {
      const oldest = (this.#newest + --this.#count) % MAX_FIELDS
      this.#bytes -= fieldBytes(this.#ring[oldest] as HeaderField)
      this.#ring[oldest] = undefined
    }
  }
}
