/** envoy/wire — reads a CheckRequest and writes a CheckResponse, only the fields in use. Knows protobuf's encoding, not what the fields mean. */
import { isUtf8 } from 'node:buffer'

/** Bytes that are not the message they claim to be. Caught by `decode`, never by a caller outside the door. */
export class WireFault extends Error {}

/** Byte ranges of one header in the message. */
interface Slice {
  readonly keyStart: number
  readonly keyEnd: number
  readonly start: number
  readonly end: number
}

/** What rules may ask of a CheckRequest; strings are made where they are needed. */
export class WireRequest {
  method = ''
  path = ''
  host = ''
  scheme = ''
  sourceAddress = ''
  principal = ''
  sni = ''
  body: Uint8Array | undefined
  /** An HTTP request is there at all (a check of the network filter has none, F5). */
  http = false
  readonly #bytes: Buffer
  /** `header_map` where Envoy filled it (D7), else `headers`. */
  #headers: Slice[] = []
  #raw = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    readFields(bytes, 0, bytes.length, (field, start, end) => {
      if (field === 1) this.#attributes(start, end)
    })
  }

  get headerCount(): number {
    return this.#headers.length
  }

  /** All values of a header in wire order; `name` in lower case. */
  values(name: string): string[] {
    const found: string[] = []
    for (const slice of this.#headers) {
      if (this.#named(slice, name)) found.push(text(this.#bytes, slice.start, slice.end))
    }
    return found
  }

  first(name: string): string | undefined {
    for (const slice of this.#headers) {
      if (this.#named(slice, name)) return text(this.#bytes, slice.start, slice.end)
    }
    return undefined
  }

  *entries(): Generator<readonly [string, string]> {
    for (const { keyStart, keyEnd, start, end } of this.#headers) {
      const name = this.#bytes.toString('latin1', keyStart, keyEnd).toLowerCase()
      if (!name.startsWith(':')) yield [name, text(this.#bytes, start, end)]
    }
  }

  #named({ keyStart, keyEnd }: Slice, name: string): boolean {
    if (keyEnd - keyStart !== name.length) return false
    for (let i = 0; i < name.length; i++) {
      const byte = this.#bytes[keyStart + i] as number
      const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
      if (lower !== name.charCodeAt(i)) return false
    }
    return true
  }

  #attributes(from: number, to: number): void {
    readFields(this.#bytes, from, to, (field, start, end) => {
      if (field === 1) this.#source(start, end)
      else if (field === 4) {
        readFields(this.#bytes, start, end, (inner, s, e) => {
          if (inner === 2) this.#http(s, e)
        })
      } else if (field === 12) {
        readFields(this.#bytes, start, end, (inner, s, e) => {
          if (inner === 1) this.sni = text(this.#bytes, s, e)
        })
      }
    })
  }

  #source(from: number, to: number): void {
    readFields(this.#bytes, from, to, (field, start, end) => {
      if (field === 4) this.principal = text(this.#bytes, start, end)
      else if (field === 1) {
        readFields(this.#bytes, start, end, (address, s, e) => {
          if (address !== 1) return
          readFields(this.#bytes, s, e, (inner, a, b) => {
            if (inner === 2) this.sourceAddress = text(this.#bytes, a, b)
          })
        })
      }
    })
  }

  #http(from: number, to: number): void {
    this.http = true
    readFields(this.#bytes, from, to, (field, start, end) => {
      switch (field) {
        case 2:
          this.method = text(this.#bytes, start, end)
          break
        case 3:
          if (!this.#raw) this.#headers.push(this.#entry(start, end, 2, 2))
          break
        case 4:
          this.path = text(this.#bytes, start, end)
          break
        case 5:
          this.host = text(this.#bytes, start, end)
          break
        case 6:
          this.scheme = text(this.#bytes, start, end)
          break
        case 11:
        case 12:
          this.body = this.#bytes.subarray(start, end)
          break
        case 13:
          if (!this.#raw) this.#headers = []
          this.#raw = true
          readFields(this.#bytes, start, end, (inner, s, e) => {
            if (inner === 1) this.#headers.push(this.#entry(s, e, 2, 3))
          })
      }
    })
  }

  /** A map entry or a HeaderValue: key in field 1, value in either of two fields; absent is empty. */
  #entry(from: number, to: number, value: number, rawValue: number): Slice {
    let [keyStart, keyEnd, start, end] = [from, from, from, from]
    readFields(this.#bytes, from, to, (field, s, e) => {
      if (field === 1) [keyStart, keyEnd] = [s, e]
      else if (field === value || field === rawValue) [start, end] = [s, e]
    })
    return { keyStart, keyEnd, start, end }
  }
}

/** UTF-8 where it is that, Latin-1 byte for byte where it is not, so that no two unlike values become one (D3). */
function text(bytes: Buffer, start: number, end: number): string {
  const latin1 = bytes.toString('latin1', start, end)
  for (let i = 0; i < latin1.length; i++) {
    if (latin1.charCodeAt(i) > 0x7f) {
      return isUtf8(bytes.subarray(start, end)) ? bytes.toString('utf8', start, end) : latin1
    }
  }
  return latin1
}

/** Calls `each` for every length-delimited field of a message; numbers are skipped, groups are faults. */
function readFields(
  bytes: Buffer,
  from: number,
  to: number,
  each: (field: number, start: number, end: number) => void,
): void {
  let at = from
  while (at < to) {
    let tag = bytes[at++] as number
    if (tag > 0x7f) {
      const long = readVarint(bytes, at - 1, to)
      tag = long.value
      at = long.next
    }
    const field = tag >>> 3
    if (field === 0) throw new WireFault('field number 0')
    switch (tag & 7) {
      case 2: {
        let length = bytes[at++] as number
        if (length > 0x7f) {
          const long = readVarint(bytes, at - 1, to)
          length = long.value
          at = long.next
        }
        if (!(at + length <= to)) throw new WireFault('a field is longer than its message')
        each(field, at, at + length)
        at += length
        break
      }
      case 0:
        at = readVarint(bytes, at, to).next
        break
      case 1:
        at += 8
        break
      case 5:
        at += 4
        break
      default:
        throw new WireFault('a group or an unknown wire type')
    }
  }
  if (at !== to) throw new WireFault('a message ends within a field')
}

function readVarint(bytes: Buffer, from: number, to: number): { value: number; next: number } {
  let value = 0
  for (let i = 0; i < 10; i++) {
    if (from + i >= to) throw new WireFault('a number ends early')
    const byte = bytes[from + i] as number
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, next: from + i + 1 }
  }
  throw new WireFault('a number is too long')
}
