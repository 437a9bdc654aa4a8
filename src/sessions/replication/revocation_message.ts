/** sessions/news_message — a revocation as it travels between replicas: sealed, with the names under which its tombstones lie. Pure; knows no Redis. */

import type { News } from '../types.ts'
import type { Seals } from './encryption.ts'

const PLACE = 'news'

/** What happened on the bus. Closed: docs/operations.md lists them. */
export type BusEvent =
  | 'connected'
  | 'disconnected'
  | 'published'
  | 'received'
  | 'waiting'
  | 'gap'
  | 'lost'
  | 'undecryptable'

/** Names under which others find, without the stream, that something was revoked: by each key, for whoever has only one of them. */
export function tombstonesOf(news: News, seals: Seals): readonly string[] {
  switch (news.kind) {
    case 'credential':
      return news.marks
    case 'everything':
      return seals.names(EVERYTHING)
    default:
      return seals.names([news.kind, news.id])
  }
}

/** What tombstones are looked up under; `seals.names` makes names of them. */
export const EVERYTHING = ['everything'] as const

export interface Message {
  readonly origin: string
  readonly news: News
}

export const writeMessage = (message: Message, seals: Seals): string =>
  seals.seal(PLACE, JSON.stringify(message))

/** Whoever could seal it is one of us, perhaps of another release: a kind that is not known here means everything. */
export function readMessage(sealed: string, seals: Seals): Message | undefined {
  const text = seals.open(PLACE, sealed)
  if (text === undefined) return undefined
  try {
    const { origin, news } = JSON.parse(text) as Message
    return { origin, news: KINDS.has(news.kind) ? news : { kind: 'everything' } }
  } catch {
    return undefined
  }
}

const KINDS: ReadonlySet<unknown> = new Set<News['kind']>(['session', 'identity', 'credential', 'everything'])
