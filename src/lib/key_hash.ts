/** lib/tuple_hash — a key of fixed size for a tuple of values: unequal tuples, unequal keys; the values cannot be read back. Knows nothing of access control. */
import { hash } from 'node:crypto'

export type KeyPart = string | number | boolean | null | undefined | readonly KeyPart[]
export type KeyHash = (tuple: readonly KeyPart[]) => string

/**
 * Keys of one process (C6). `secret` makes them useless to whoever reads a dump; a key that leaves the process needs an
 * HMAC instead.
 */
export function createKeyHash(secret: Uint8Array): KeyHash {
  const secretPrefix = encodeKeyPart(Buffer.from(secret).toString('base64'))
  return parts => hash('sha256', secretPrefix + encodeKeyPart(parts), 'base64url')
}

/** Type, length, value: no two unequal parts share a text, and no text is the beginning of another. */
export function encodeKeyPart(part: KeyPart): string {
  switch (typeof part) {
    case 'string':
      // Hashing encodes as UTF-8, which has no unpaired surrogates and would write them all alike.
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
