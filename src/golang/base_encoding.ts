/** Go's base64 and base32 with its error messages, which sprig returns as the result. */
import { consumeSteps } from './limits.ts'
import { bytesToString } from './strings.ts'

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Packs digits of `bits` bits each, most significant first. Drops remaining bits that do not fill a byte. */
function packBits(digits: readonly number[], bits: number): Buffer {
  const bytes: number[] = []
  let value = 0
  let count = 0
  for (const digit of digits) {
    value = (value << bits) | digit
    count += bits
    if (count >= 8) {
      count -= 8
      bytes.push((value >> count) & 0xff)
      value &= (1 << count) - 1
    }
  }
  return Buffer.from(bytes)
}

/** Decodes the standard alphabet; requires padding, ignores line breaks. Returns Go's error message as a string. */
export function base64Decode(text: string): Buffer | string {
  const corrupt = (at: number): string => `illegal base64 data at input byte ${at}`
  consumeSteps(text.length * 2)
  const source = Buffer.from(text, 'utf8').toString('latin1')
  const digits: number[] = []
  let at = 0
  const skipBreaks = (): void => {
    while (source[at] === '\n' || source[at] === '\r') at++
  }
  while (true) {
    let j = 0
    while (j < 4) {
      if (at === source.length) return j === 0 ? packBits(digits, 6) : corrupt(at - j)
      const char = source[at++] as string
      if (char === '\n' || char === '\r') continue
      const digit = BASE64.indexOf(char)
      if (digit >= 0) {
        digits.push(digit)
        j++
        continue
      }
      if (char !== '=' || j < 2) return corrupt(at - 1)
      if (j === 2) {
        skipBreaks()
        if (at === source.length) return corrupt(source.length)
        if (source[at] !== '=') return corrupt(at - 1)
        at++
      }
      skipBreaks()
      return at < source.length ? corrupt(at) : packBits(digits, 6)
    }
  }
}

/** Encodes with padding. */
export function base32Encode(bytes: Uint8Array): string {
  let out = ''
  let value = 0
  let count = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    count += 8
    while (count >= 5) {
      count -= 5
      out += BASE32[(value >> count) & 31]
    }
  }
  if (count > 0) out += BASE32[(value << (5 - count)) & 31]
  return out + '='.repeat((8 - (out.length % 8)) % 8)
}

/** Like `base64Decode`, for base32. */
export function base32Decode(text: string): Buffer | string {
  const corrupt = (at: number): string => `illegal base32 data at input byte ${at}`
  consumeSteps(text.length * 2)
  const source = Buffer.from(text.replace(/[\r\n]/g, ''), 'utf8').toString('latin1')
  const digits: number[] = []
  let at = 0
  while (at < source.length) {
    for (let j = 0; j < 8; j++) {
      if (at === source.length) return corrupt(at - j)
      const char = source[at++] as string
      const left = source.length - at
      if (char === '=' && j >= 2 && left < 8) {
        if (left + j < 7) return corrupt(source.length)
        for (let k = 0; k < 7 - j; k++) {
          if (left > k && source[at + k] !== '=') return corrupt(at + k - 1)
        }
        if (j === 3 || j === 6) return corrupt(at - 1)
        return packBits(digits, 5)
      }
      const digit = BASE32.indexOf(char)
      if (digit < 0) return corrupt(at - 1)
      digits.push(digit)
    }
  }
  return packBits(digits, 5)
}

/** Converts a result of `base64Decode` or `base32Decode` to a string: the decoded text, or the error message. */
export const decodedOrErrorText = (decoded: Buffer | string): string =>
  typeof decoded === 'string' ? decoded : bytesToString(decoded)
