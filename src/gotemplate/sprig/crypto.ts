/** sprig's hashes, random strings and AES. */
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomInt, randomUUID } from 'node:crypto'
import {
  assertTextLength,
  base64Decode,
  bytesToString,
  consumeSteps,
  GoError,
  stringToBytes,
} from '../../golang/index.ts'
import { type FunctionTable, goFunc } from '../values/signature.ts'
import { goInt } from '../values/value.ts'

const hashFunction = (algorithm: string) =>
  goFunc(['string'], text => createHash(algorithm).update(stringToBytes(text)).digest('hex'))

function adler32(bytes: Uint8Array): number {
  let a = 1
  let b = 0
  for (const byte of bytes) {
    a = (a + byte) % 65521
    b = (b + a) % 65521
  }
  return b * 65536 + a
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'
const PRINTABLE = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('')
const randomText = (alphabet: string) =>
  goFunc(['int'], count => {
    if (count < 0) return ''
    assertTextLength(count)
    consumeSteps(count)
    let out = ''
    for (let i = 0; i < count; i++) out += alphabet[randomInt(alphabet.length)]
    return out
  })

/** The first 32 bytes of the password, padded with zeros, as in sprig. */
function aesKey(password: string): Buffer {
  const key = Buffer.alloc(32)
  stringToBytes(password).copy(key)
  return key
}

function decryptAes(password: string, text: string): string {
  if (text === '') return ''
  const bytes = base64Decode(text)
  if (typeof bytes === 'string') throw new GoError('decryptAES: not base64')
  if (bytes.length < 32 || bytes.length % 16 !== 0) throw new GoError('decryptAES: not of full blocks')
  const decipher = createDecipheriv('aes-256-cbc', aesKey(password), bytes.subarray(0, 16)).setAutoPadding(
    false,
  )
  const plain = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()])
  const padding = plain.at(-1) as number
  if (padding > plain.length) throw new GoError('decryptAES: bad padding')
  return bytesToString(plain.subarray(0, plain.length - padding))
}

export const CRYPTO_FUNCTIONS: FunctionTable = {
  sha1sum: hashFunction('sha1'),
  sha256sum: hashFunction('sha256'),
  sha512sum: hashFunction('sha512'),
  adler32sum: goFunc(['string'], text => String(adler32(stringToBytes(text)))),
  randAlpha: randomText(LETTERS),
  randAlphaNum: randomText(LETTERS + DIGITS),
  randNumeric: randomText(DIGITS),
  randAscii: randomText(PRINTABLE),
  randBytes: goFunc(['int'], count => {
    if (count < 0) throw new GoError('randBytes: negative count')
    assertTextLength(count * 2)
    return randomBytes(count).toString('base64')
  }),
  randInt: goFunc(['int', 'int'], (min, max) => {
    if (max <= min || max - min >= 2 ** 48) throw new GoError('randInt: bad range')
    return goInt(randomInt(min, max))
  }),
  uuidv4: goFunc([], () => randomUUID()),
  encryptAES: goFunc(['string', 'string'], (password, text) => {
    if (text === '') return ''
    const start = randomBytes(16)
    const cipher = createCipheriv('aes-256-cbc', aesKey(password), start)
    return Buffer.concat([start, cipher.update(stringToBytes(text)), cipher.final()]).toString('base64')
  }),
  decryptAES: goFunc(['string', 'string'], decryptAes),
}
