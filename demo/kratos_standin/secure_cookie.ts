/** Encodes and decodes the encrypted session cookie in the format of gorilla/securecookie, which Kratos uses. */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

export interface SessionCookieContent {
  readonly sessionToken: string
  /** Expiry of the session when the cookie was issued, in ms since the epoch. */
  readonly expiresAt: number
}

/** Padded base64url of `unix seconds | base64url(iv ‖ AES-256-CTR) | HMAC-SHA-256 over name|time|data`. */
export function encodeCookie(
  name: string,
  secret: string,
  content: SessionCookieContent,
  now: number,
): string {
  const key = createHash('sha256').update(secret).digest()
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-ctr', key, iv)
  // Pads the value to the length of Kratos' cookies, about 430 characters.
  const plaintext = JSON.stringify({ ...content, nonce: randomBytes(48).toString('hex') })
  const data = encodeBase64Url(Buffer.concat([iv, cipher.update(plaintext), cipher.final()]))
  const time = Math.floor(now / 1000)
  const mac = createHmac('sha256', secret).update(`${name}|${time}|${data}`).digest()
  return encodeBase64Url(Buffer.concat([Buffer.from(`${time}|${data}|`), mac]))
}

/** Returns `undefined` unless the value was encoded with this name and secret, at most `maxAge` ms ago. */
export function decodeCookie(
  name: string,
  secret: string,
  value: string,
  now: number,
  maxAge: number,
): SessionCookieContent | undefined {
  const bytes = decodeBase64Url(value)
  if (bytes === undefined) return undefined
  const first = bytes.indexOf('|')
  const second = bytes.indexOf('|', first + 1)
  if (first < 0 || second < 0) return undefined
  const time = bytes.toString('latin1', 0, first)
  const data = bytes.toString('latin1', first + 1, second)
  const mac = bytes.subarray(second + 1)
  const expected = createHmac('sha256', secret).update(`${name}|${time}|${data}`).digest()
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) return undefined
  if (now - Number(time) * 1000 > maxAge) return undefined
  const inner = decodeBase64Url(data) as Buffer
  const key = createHash('sha256').update(secret).digest()
  const decipher = createDecipheriv('aes-256-ctr', key, inner.subarray(0, 16))
  return JSON.parse(Buffer.concat([decipher.update(inner.subarray(16)), decipher.final()]).toString())
}

const encodeBase64Url = (bytes: Buffer): string =>
  bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')

/** As strict as Kratos: rejects `%3D` instead of `=`, missing padding and other characters. */
function decodeBase64Url(text: string): Buffer | undefined {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9_-]+={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64url')
}

/** Kratos' error message for a cookie that it cannot decode. */
export function decodeErrorMessage(value: string): string {
  if (value !== '' && value.length % 4 === 0 && /^[A-Za-z0-9_-]+={0,2}$/.test(value)) {
    return 'securecookie: the value is not valid'
  }
  const invalidAt = value.search(/[^A-Za-z0-9_-]/)
  const offset = invalidAt >= 0 ? invalidAt : value.length - (value.length % 4)
  return `securecookie: base64 decode failed - caused by: illegal base64 data at input byte ${offset}`
}
