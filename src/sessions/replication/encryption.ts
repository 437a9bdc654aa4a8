/** sessions/seals — what leaves the process: names that cannot be read back, and texts that nobody else can read, change or exchange. Knows keys, no Redis and no session. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { encodePart, type TuplePart } from '../../lib/key_hash.ts'

export interface Seals {
  /** One name by each key, our own first: equal tuples, equal names, on every replica that has the key (C6, C7). */
  names(tuple: readonly TuplePart[]): readonly [string, ...string[]]
  /** `place` is where the text will lie: it opens nowhere else (C21). */
  seal(place: string, text: string): string
  /** `undefined` for whatever was not sealed for this place by one of our keys. Never throws. */
  open(place: string, sealed: string): string | undefined
}

interface Key {
  /** Says which key sealed a text; tells nothing of it. */
  readonly id: string
  readonly name: Buffer
  readonly value: Buffer
}

const CIPHER = 'aes-256-gcm'
const NONCE = 12
const TAG = 16

/** The first key names and seals, all of them open: that is how one follows the other. At least one, 32 characters each. */
export function createSeals(texts: readonly string[]): Seals {
  const keys = texts.map(keyOf)
  const [own] = keys
  if (own === undefined) throw new Error('there is no key')
  const byId = new Map(keys.map(key => [key.id, key]))
  return {
    names(tuple) {
      const text = encodePart(tuple)
      return keys.map(({ name }) => createHmac('sha256', name).update(text).digest('base64url')) as [string]
    },
    seal(place, text) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv(CIPHER, contentKey(own, place), nonce)
      cipher.setAAD(bound(own, place))
      const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return `${own.id}.${Buffer.concat([nonce, cipher.getAuthTag(), content]).toString('base64url')}`
    },
    open(place, sealed) {
      const cut = sealed.indexOf('.')
      const key = byId.get(sealed.slice(0, Math.max(cut, 0)))
      const bytes = Buffer.from(sealed.slice(cut + 1), 'base64url')
      if (key === undefined || bytes.length < NONCE + TAG) return undefined
      try {
        const options = { authTagLength: TAG }
        const decipher = createDecipheriv(CIPHER, contentKey(key, place), bytes.subarray(0, NONCE), options)
        decipher.setAAD(bound(key, place))
        decipher.setAuthTag(bytes.subarray(NONCE, NONCE + TAG))
        return decipher.update(bytes.subarray(NONCE + TAG), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        return undefined
      }
    },
  }
}

function keyOf(text: string): Key {
  const derive = (purpose: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', text, '', `credence sessions ${purpose}`, length))
  return { id: derive('id', 6).toString('base64url'), name: derive('names', 32), value: derive('values', 32) }
}

/** A key for each place: with one for all, random nonces would last for 2^32 texts only (NIST SP 800-38D §8.3). */
const contentKey = (key: Key, place: string): Buffer => createHmac('sha256', key.value).update(place).digest()

const bound = (key: Key, place: string): Buffer => Buffer.from(`${key.id} ${place}`)
