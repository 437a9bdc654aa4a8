/** Encryption and keyed hashes for everything that leaves the process for Redis. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { encodeKeyPart, type KeyPart } from '../../lib/key_hash.ts'

export interface CacheCipher {
  /** HMAC-SHA-256 of the tuple by each key, the primary key first. Replicas with the same key get the same hash. */
  keyedHashes(tuple: readonly KeyPart[]): readonly [string, ...string[]]
  /** Encrypts with the primary key. `context` names where the text is stored; it decrypts only with the same context. */
  encrypt(context: string, text: string): string
  /** `undefined` if none of the keys encrypted the text for this context. Never throws. */
  decrypt(context: string, encrypted: string): string | undefined
}

interface DerivedKey {
  /** Prefix of an encrypted text that selects the key. */
  readonly id: string
  readonly hashKey: Buffer
  readonly encryptionKey: Buffer
}

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Takes one or more secrets of at least 32 characters. The first one, the primary key, hashes and encrypts; all of them
 * decrypt, which allows key rotation without downtime. Throws if there is none.
 */
export function createCacheCipher(secrets: readonly string[]): CacheCipher {
  const keys = secrets.map(deriveKey)
  const [primaryKey] = keys
  if (primaryKey === undefined) throw new Error('at least one key is required')
  const byId = new Map(keys.map(key => [key.id, key]))
  return {
    keyedHashes(tuple) {
      const text = encodeKeyPart(tuple)
      return keys.map(({ hashKey }) => createHmac('sha256', hashKey).update(text).digest('base64url')) as [
        string,
      ]
    },
    encrypt(context, text) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, contextKey(primaryKey, context), nonce)
      cipher.setAAD(associatedData(primaryKey, context))
      const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      const bytes = Buffer.concat([nonce, cipher.getAuthTag(), content])
      return `${primaryKey.id}.${bytes.toString('base64url')}`
    },
    decrypt(context, encrypted) {
      const separatorAt = encrypted.indexOf('.')
      const key = byId.get(encrypted.slice(0, Math.max(separatorAt, 0)))
      const bytes = Buffer.from(encrypted.slice(separatorAt + 1), 'base64url')
      if (key === undefined || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
      try {
        const nonce = bytes.subarray(0, NONCE_BYTES)
        const options = { authTagLength: TAG_BYTES }
        const decipher = createDecipheriv(ALGORITHM, contextKey(key, context), nonce, options)
        decipher.setAAD(associatedData(key, context))
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
        const content = bytes.subarray(NONCE_BYTES + TAG_BYTES)
        return decipher.update(content, undefined, 'utf8') + decipher.final('utf8')
      } catch {
        return undefined
      }
    },
  }
}

function deriveKey(secret: string): DerivedKey {
  const derive = (purpose: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `credence sessions ${purpose}`, length))
  return {
    id: derive('id', 6).toString('base64url'),
    hashKey: derive('names', 32),
    encryptionKey: derive('values', 32),
  }
}

/** A key for each context: random nonces are safe for 2^32 texts of one key only (NIST SP 800-38D, section 8.3). */
const contextKey = (key: DerivedKey, context: string): Buffer =>
  createHmac('sha256', key.encryptionKey).update(context).digest()

const associatedData = (key: DerivedKey, context: string): Buffer => Buffer.from(`${key.id} ${context}`)
