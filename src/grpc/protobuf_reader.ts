/** envoy/wire_fields — the fields of a protobuf message, one after the other. Knows the encoding, not what the fields mean. */

/** Bytes that are not the message they claim to be. Caught by `decode`, never by a caller outside the door. */
export class ProtobufError extends Error {}

/**
 * A cursor over a message and the messages within it. `next` finds the length-delimited fields one by one, skips numbers,
 * and takes groups for faults; a field that is a message itself is entered, read to its end, and the outer one goes on.
 */
export class ProtobufReader {
  /** Of the field that `next` has found, and the bytes of its value. */
  fieldNumber = 0
  start = 0
  end = 0
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** False at `to`, where the message ends. */
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

  /** Goes into the field that `next` has found; its end, to be handed to `next`. */
  enter(): number {
    this.#at = this.start
    return this.end
  }

  #varint(to: number): number {
    // Almost all are of one byte.
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
