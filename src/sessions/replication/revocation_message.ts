/** sessions/news_message — a revocation as it travels between replicas: sealed, with the names under which its tombstones lie. Pure; knows no Redis. */

import type { RevocationEvent } from '../types.ts'
import type { CacheCipher } from './encryption.ts'

const MESSAGE_CONTEXT = 'news'

/** What happened on the bus. Closed: docs/operations.md lists them. */
export type RevocationStreamEvent =
  | 'connected'
  | 'disconnected'
  | 'published'
  | 'received'
  | 'waiting'
  | 'gap'
  | 'lost'
  | 'undecryptable'

/** Names under which others find, without the stream, that something was revoked: by each key, for whoever has only one of them. */
export function tombstoneNames(news: RevocationEvent, cipher: CacheCipher): readonly string[] {
  switch (news.kind) {
    case 'credential':
      return news.marks
    case 'everything':
      return cipher.keyedHashes(EVERYTHING)
    default:
      return cipher.keyedHashes([news.kind, news.id])
  }
}

/** What tombstones are looked up under; `seals.names` makes names of them. */
export const EVERYTHING = ['everything'] as const

export interface RevocationMessage {
  readonly origin: string
  readonly news: RevocationEvent
}

export const encryptMessage = (message: RevocationMessage, cipher: CacheCipher): string =>
  cipher.encrypt(MESSAGE_CONTEXT, JSON.stringify(message))

/** Whoever could seal it is one of us, perhaps of another release: a kind that is not known here means everything. */
export function decryptMessage(encrypted: string, cipher: CacheCipher): RevocationMessage | undefined {
  const text = cipher.decrypt(MESSAGE_CONTEXT, encrypted)
  if (text === undefined) return undefined
  try {
    const { origin, news } = JSON.parse(text) as RevocationMessage
    return { origin, news: REVOCATION_KINDS.has(news.kind) ? news : { kind: 'everything' } }
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
