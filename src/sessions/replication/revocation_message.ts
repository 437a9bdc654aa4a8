/** Revocations as encrypted messages between replicas, and the names of their tombstones. */
import type { RevocationEvent } from '../types.ts'
import type { CacheCipher } from './cache_cipher.ts'

/** Encryption context of messages. Part of the ciphertext, so replicas of all releases must agree on it. */
const MESSAGE_CONTEXT = 'revocation'

/** State changes of the revocation stream, for metrics and log. docs/operations.md lists them. */
export type RevocationStreamEvent =
  | 'connected'
  | 'disconnected'
  | 'published'
  | 'received'
  | 'queued'
  | 'gap'
  | 'data_loss'
  | 'undecryptable'

/** Tombstone names of a revocation, one for each key, because another replica may have only one of the keys. */
export function tombstoneNames(event: RevocationEvent, cipher: CacheCipher): readonly string[] {
  switch (event.kind) {
    case 'credential':
      return event.credentialHashes
    case 'everything':
      return cipher.keyedHashes(EVERYTHING)
    default:
      return cipher.keyedHashes([event.kind, event.id])
  }
}

/** Tuple whose keyed hash names the tombstone of a revocation of everything. */
export const EVERYTHING = ['everything'] as const

/** Payload format: the member names are part of it. */
export interface RevocationMessage {
  /** Id of the process that published it. */
  readonly origin: string
  readonly event: RevocationEvent
}

export const encryptMessage = (message: RevocationMessage, cipher: CacheCipher): string =>
  cipher.encrypt(MESSAGE_CONTEXT, JSON.stringify(message))

/** `undefined` if no key decrypts it. A kind that this release does not know, from a newer one, revokes everything. */
export function decryptMessage(encrypted: string, cipher: CacheCipher): RevocationMessage | undefined {
  const text = cipher.decrypt(MESSAGE_CONTEXT, encrypted)
  if (text === undefined) return undefined
  try {
    const { origin, event } = JSON.parse(text) as RevocationMessage
    return { origin, event: REVOCATION_KINDS.has(event.kind) ? event : { kind: 'everything' } }
  } catch {
    return undefined
  }
}

const REVOCATION_KINDS: ReadonlySet<unknown> = new Set<RevocationEvent['kind']>([
  'session',
  'identity',
  'credential',
  'everything',
])
