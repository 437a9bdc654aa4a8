/** sessions/seals — what leaves the process: names that cannot be read back, and texts that nobody else can read, change or exchange. Knows keys, no Redis and no session. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { encodeKeyPart, type KeyPart } from '../../lib/key_hash.ts'

export interface CacheCipher {
  /** One name by each key, our own first: equal tuples, equal names, on every replica that has the key (C6, C7). */
  keyedHashes(tuple: readonly KeyPart[]): readonly [string, ...string[]]
  /** `place` is where the text will lie: it opens nowhere else (C21). */
  encrypt(place: string, text: string): string
  /** `undefined` for whatever was not sealed for this place by one of our keys. Never throws. */
  decrypt(place: string, sealed: string): string | undefined
}

interface DerivedKey {
  /** Says which key sealed a text; tells nothing of it. */
  readonly id: string
  readonly hashKey: Buffer
  readonly encryptionKey: Buffer
}

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The first key names and seals, all of them open: that is how one follows the other. At least one, 32 characters each. */
export function createCacheCipher(texts: readonly string[]): CacheCipher {
  const keys = texts.map(deriveKey)
  const [primaryKey] = keys
  if (primaryKey === undefined) throw new Error('there is no key')
  const byId = new Map(keys.map(key => [key.id, key]))
  return {
    keyedHashes(tuple) {
      const text = encodeKeyPart(tuple)
      return keys.map(({ hashKey: name }) => createHmac('sha256', name).update(text).digest('base64url')) as [
        string,
      ]
    },
    encrypt(context, text) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, contextKey(primaryKey, context), nonce)
      cipher.setAAD(associatedData(primaryKey, context))
      const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return `${primaryKey.id}.${Buffer.concat([nonce, cipher.getAuthTag(), content]).toString('base64url')}`
    },
    decrypt(place, sealed) {
      const separatorAt = sealed.indexOf('.')
      const key = byId.get(sealed.slice(0, Math.max(separatorAt, 0)))
      const bytes = Buffer.from(sealed.slice(separatorAt + 1), 'base64url')
      if (key === undefined || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
      try {
        const options = { authTagLength: TAG_BYTES }
        const decipher = createDecipheriv(
          ALGORITHM,
          contextKey(key, place),
          bytes.subarray(0, NONCE_BYTES),
          options,
        )
        decipher.setAAD(associatedData(key, place))
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
        return (
          decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
        )
      } catch {
        return undefined
      }
    },
  }
}

function deriveKey(text: string): DerivedKey {
  const derive = (purpose: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', text, '', `credence sessions ${purpose}`, length))
  return {
    id: derive('id', 6).toString('base64url'),
    hashKey: derive('names', 32),
    encryptionKey: derive('values', 32),
  }
}

/** A key for each place: with one for all, random nonces would last for 2^32 texts only (NIST SP 800-38D §8.3). */
const contextKey = (key: DerivedKey, context: string): Buffer =>
  createHmac('sha256', key.encryptionKey).update(context).digest()

const associatedData = (key: DerivedKey, context: string): Buffer => Buffer.from(`${key.id} ${context}`)
