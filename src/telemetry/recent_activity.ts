/** Stores the latest decisions and log events in memory, for the admin API. */
import { createRingBuffer } from '../lib/ring_buffer.ts'
import type { DecisionRecord, LogEvent, LogLevel } from './records.ts'

/** Each has a number that grows by one, so that a reader can continue where it stopped. */
export type Activity =
  | {
      readonly kind: 'decision'
      readonly sequence: number
      /** ms since the epoch. */
      readonly wallMs: number
      readonly record: DecisionRecord
    }
  | {
      readonly kind: 'event'
      readonly sequence: number
      readonly wallMs: number
      readonly level: LogLevel
      readonly event: LogEvent
    }

export interface RecentActivity {
  /** `nowMs`: monotonic. */
  addDecision(record: DecisionRecord, nowMs: number): void
  addEvent(level: LogLevel, event: LogEvent): void
  /** Number of the latest activity; 0 before the first. */
  readonly lastSequence: number
  /** Activity after a sequence number, oldest first, at most `limit`; `lost`: how many before them were overwritten. */
  after(sequence: number, limit: number): { readonly activity: readonly Activity[]; readonly lost: number }
  /** Activity before a sequence number that `matches`, newest first, at most `limit`. */
  before(sequence: number, limit: number, matches: (activity: Activity) => boolean): readonly Activity[]
  /** Stores every allow until the returned function is called. */
  follow(): () => void
}

export interface RecentActivityOptions {
  readonly maxDenials: number
  readonly maxAllows: number
  /** ms since the epoch. */
  readonly wall: () => number
}

/** Log events that are stored. */
const MAX_EVENTS = 500
/**
 * Shortest time between two allows that are stored while there is no follower, ms. At a high rate the allows of a tenth of a second
 * would otherwise replace all others.
 */
const MIN_ALLOW_INTERVAL_MS = 10
/** Longest text that is stored, in UTF-16 code units. It bounds a decision to some 10 KB. */
const MAX_TEXT_CHARS = 500

export function createRecentActivity({ maxDenials, maxAllows, wall }: RecentActivityOptions): RecentActivity {
  const denials = createRingBuffer<Activity>(maxDenials)
  const allows = createRingBuffer<Activity>(maxAllows)
  const events = createRingBuffer<Activity>(MAX_EVENTS)
  const rings = [denials, allows, events]
  let sequence = 0
  let followers = 0
  let nextAllowMs = Number.NEGATIVE_INFINITY

  return {
    addDecision(record, nowMs) {
      const isAllow = record.decision === 'allow'
      if (isAllow && followers === 0) {
        if (nowMs < nextAllowMs) return
        nextAllowMs = nowMs + MIN_ALLOW_INTERVAL_MS
      }
      const ring = isAllow ? allows : denials
      ring.push({ kind: 'decision', sequence: ++sequence, wallMs: wall(), record: detach(record) })
    },
    addEvent(level, event) {
      events.push({ kind: 'event', sequence: ++sequence, wallMs: wall(), level, event })
    },
    get lastSequence() {
      return sequence
    },
    after(since, limit) {
      const found = rings.flatMap(ring => ring.newestWhile(one => one.sequence > since))
      found.sort((a, b) => a.sequence - b.sequence)
      const activity = found.slice(0, limit)
      const last = activity.at(-1)?.sequence ?? sequence
      return { activity, lost: Math.max(0, last - since - activity.length) }
    },
    before(until, limit, matches) {
      const found = rings.flatMap(ring => ring.newest(limit, one => one.sequence < until && matches(one)))
      return found.sort((a, b) => b.sequence - a.sequence).slice(0, limit)
    },
    follow() {
      followers++
      let isFollowing = true
      return () => {
        if (isFollowing) followers--
        isFollowing = false
      }
    },
  }
}

/** Copies the texts of the request: a substring keeps the text that it is cut from, with the query, in memory. */
const detach = (record: DecisionRecord): DecisionRecord => ({
  ...record,
  reason: copyText(record.reason),
  method: copyText(record.method),
  host: copyText(record.host),
  path: copyText(record.path),
  subject: copyText(record.subject),
  client: copyText(record.client),
  request_id: copyText(record.request_id),
})

const scratch = Buffer.allocUnsafeSlow(MAX_TEXT_CHARS * 3)
/** V8 copies shorter texts in any case. */
const MIN_SUBSTRING_CHARS = 13

function copyText(text: string): string {
  if (text.length < MIN_SUBSTRING_CHARS) return text
  const shown = text.length <= MAX_TEXT_CHARS ? text : `${text.slice(0, MAX_TEXT_CHARS - 1)}…`
  return scratch.toString('utf8', 0, scratch.write(shown))
}
