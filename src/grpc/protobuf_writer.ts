/** Writes a message in the protobuf wire format. */

/**
 * Writes one message at a time into a buffer that it reuses. A message must be written synchronously, from
 * `reset` to `toBuffer`, or it would be mixed with another one.
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(16_384)
  #at = 0

  /** Begins a message. */
  reset(): void {
    this.#at = 0
  }

  /** A copy of the message. */
  toBuffer(): Buffer {
    const message = Buffer.allocUnsafe(this.#at)
    this.#bytes.copy(message, 0, 0, this.#at)
    return message
  }

  /** A string field. */
  text(field: number, value: string): void {
    const maxBytes = value.length * 3
    this.#reserve(maxBytes + 12)
    this.#byte((field << 3) | 2)
    // Text that fits into 127 bytes in any case has a length of one byte, which is written after the text
    // itself.
    const length = maxBytes < 0x80 ? -1 : Buffer.byteLength(value)
    if (length < 0) {
      const written = this.#bytes.write(value, this.#at + 1)
      this.#bytes[this.#at] = written
      this.#at += 1 + written
      return
    }
    this.#varint(length)
    this.#at += this.#bytes.write(value, this.#at)
  }

  /** A number field. `value` is not negative. */
  varint(field: number, value: number): void {
    this.#reserve(12)
    this.#byte(field << 3)
    this.#varint(value)
  }

  /** Fields that are encoded already. */
  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** A message field. `write` writes its fields; if its length needs more than one byte, they are moved. */
  message(field: number, write: () => void): void {
    this.#reserve(6)
    this.#byte((field << 3) | 2)
    const lengthAt = this.#at
    this.#at += 1
    write()
    const length = this.#at - lengthAt - 1
    if (length > 0x7f) {
      const more = length > 0x1f_ffff ? 3 : length > 0x3fff ? 2 : 1
      this.#reserve(more)
      this.#bytes.copyWithin(lengthAt + 1 + more, lengthAt + 1, this.#at)
      this.#at = lengthAt
      this.#varint(length)
      this.#at += length
    } else this.#bytes[lengthAt] = length
  }

  #byte(value: number): void {
    this.#bytes[this.#at++] = value
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.#byte(rest)
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#at + more))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}
