/** Reads a message in the protobuf wire format field by field, without decoding it to objects. */

/** The bytes are not a protobuf message. */
export class ProtobufError extends Error {}

/**
 * A cursor over a message and the messages in it. `next` finds the length-delimited fields one by one and
 * skips numbers. To read a field that is a message, call `enter`, then `next` until its end; then the outer
 * message goes on.
 */
export class ProtobufReader {
  /** Number of the field that `next` has found, and the range of its value. */
  fieldNumber = 0
  start = 0
  end = 0
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Finds the next field of the message that ends at `to`; false at its end. Throws `ProtobufError`. */
  next(to: number): boolean {
    while (this.#at < to) {
      const tag = this.#varint(to)
      const number = tag >>> 3
      if (number === 0) throw new ProtobufError('field number 0')
      switch (tag & 7) {
        case 2: {
          const length = this.#varint(to)
          if (!(this.#at + length <= to)) throw new ProtobufError('a field is longer than its message')
          this.fieldNumber = number
          this.start = this.#at
          this.end = this.start + length
          this.#at = this.end
          return true
        }
        case 0:
          this.#varint(to)
          break
        case 1:
          this.#at += 8
          break
        case 5:
          this.#at += 4
          break
        default:
          throw new ProtobufError('a group or an unknown wire type')
      }
    }
    if (this.#at !== to) throw new ProtobufError('a message ends within a field')
    return false
  }

  /** Enters the field that `next` has found. Returns its end, for `next`. */
  enter(): number {
    this.#at = this.start
    return this.end
  }

  #varint(to: number): number {
    // Nearly all tags and lengths are one byte.
    const first = this.#bytes[this.#at] as number
    if (first > 0x7f || this.#at >= to) return this.#longVarint(to)
    this.#at++
    return first
  }

  #longVarint(to: number): number {
    let value = 0
    let weight = 1
    for (let i = 0; i < 10; i++) {
      if (this.#at >= to) throw new ProtobufError('a number ends early')
      const byte = this.#bytes[this.#at++] as number
      value += (byte & 0x7f) * weight
      if (byte < 0x80) return value
      weight *= 0x80
    }
    throw new ProtobufError('a number is too long')
  }
}
