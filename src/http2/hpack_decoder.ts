/** Decodes header blocks (RFC 7541). */
import { createHeaderField, type HeaderField } from './header_field.ts'
import { HpackTable } from './hpack_table.ts'
import { decodeHuffman } from './huffman.ts'

/** Collects the fields of one block. */
export interface FieldSink {
  add(field: HeaderField): void
}

/** A number of more bytes is refused: it exceeds every length and index that can be valid here. */
const MAX_INTEGER_BYTES = 4
const INVALID = -1

/** The decoder of one connection. Blocks must be decoded in the order of their arrival, each one whole. */
export class HpackDecoder {
  readonly #table = new HpackTable()
  // The block that is decoded now.
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0
  #end = 0

  /**
   * Passes the fields of the block `bytes[start … end)` to `sink`. False where the block is not valid: a
   * COMPRESSION_ERROR of the connection, because later blocks depend on it.
   */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink): boolean {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    // Changes of the table's size stand at the beginning of a block only (RFC 7541, section 4.2).
    let sizeMayChange = true
    while (this.#at < end) {
      const first = bytes[this.#at] as number
      if (first >= 0x80) {
        const field = this.#table.at(this.#integer(7))
        if (field === undefined) return false
        sink.add(field)
      } else if (first >= 0x40) {
        const field = this.#literal(6)
        if (field === undefined) return false
        this.#table.add(field)
        sink.add(field)
      } else if (first >= 0x20) {
        const maxBytes = this.#integer(5)
        if (!sizeMayChange || maxBytes === INVALID || !this.#table.resize(maxBytes)) return false
        continue
      } else {
        // Without indexing, or never to be indexed.
        const field = this.#literal(4)
        if (field === undefined) return false
        sink.add(field)
      }
      sizeMayChange = false
    }
    return true
  }

  /** A field whose name is indexed or a text, and whose value is a text (RFC 7541, section 6.2). */
  #literal(prefixBits: number): HeaderField | undefined {
    const index = this.#integer(prefixBits)
    if (index === INVALID) return undefined
    const name = index === 0 ? this.#text() : this.#table.at(index)?.name
    if (name === undefined) return undefined
    const value = this.#text()
    return value === undefined ? undefined : createHeaderField(name, value)
  }

  /** A text of one character for each byte (RFC 7541, section 5.2). */
  #text(): string | undefined {
    if (this.#at >= this.#end) return undefined
    const isHuffman = (this.#bytes[this.#at] as number) >= 0x80
    const length = this.#integer(7)
    const start = this.#at
    if (length === INVALID || length > this.#end - start) return undefined
    this.#at = start + length
    return isHuffman
      ? decodeHuffman(this.#bytes, start, this.#at)
      : this.#bytes.toString('latin1', start, this.#at)
  }

  /** A number that begins in the low bits of the current byte (RFC 7541, section 5.1). */
  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1
    let value = (this.#bytes[this.#at++] as number) & mask
    if (value < mask) return value
    for (let i = 0, weight = 1; i < MAX_INTEGER_BYTES && this.#at < this.#end; i++, weight *= 128) {
      const byte = this.#bytes[this.#at++] as number
      value += (byte & 0x7f) * weight
      if (byte < 0x80) return value
    }
    return INVALID
  }
}
