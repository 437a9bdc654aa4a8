/** Hashes a tuple of values to a cache key of fixed size, from which the values cannot be recovered. */
import { hash } from 'node:crypto'

export type KeyPart = string | number | boolean | null | undefined | readonly KeyPart[]
export type KeyHash = (tuple: readonly KeyPart[]) => string

/**
 * For caches inside one process: unequal tuples get unequal keys. `secret` prevents guessing values from the keys in a
 * memory dump. It is a prefix, not an HMAC, so a key must not leave the process.
 */
export function createKeyHash(secret: Uint8Array): KeyHash {
  const secretPrefix = encodeKeyPart(Buffer.from(secret).toString('base64'))
  return parts => hash('sha256', secretPrefix + encodeKeyPart(parts), 'base64url')
}

/** Encodes type, length and value: unequal parts have unequal encodings, and none is a prefix of another. */
export function encodeKeyPart(part: KeyPart): string {
  switch (typeof part) {
    case 'string':
      // Hashing encodes as UTF-8, which replaces every unpaired surrogate by the same character.
      return part.isWellFormed() ? `s${part.length}:${part}` : `j${JSON.stringify(part)}`
    case 'number':
      return Object.is(part, -0) ? 'n-0;' : `n${part};`
    case 'boolean':
      return part ? 't' : 'f'
    case 'undefined':
      return 'u'
    default: {
      if (part === null) return 'z'
      let text = `a${part.length}:`
      for (const inner of part) text += encodeKeyPart(inner)
      return text
    }
  }
}
