/** sessions/news — the same revocations on every replica: told to all, caught up with after a gap, or everything forgotten where that is not possible. Knows the bus and two functions, no session and no cache. */
import { between, type Clock, type Instant, type Millis, millis } from '../../lib/time.ts'
import { within } from '../../lib/with_timeout.ts'
import type { News } from '../types.ts'
import type { Seals } from './encryption.ts'
import { createOutbox } from './outbox.ts'
import type { Bus } from './redis_store.ts'
import { type BusEvent, readMessage, tombstonesOf, writeMessage } from './revocation_message.ts'
import { BEGINNING, isBefore, laterOf, type StreamId } from './stream_id.ts'

export interface NewsParts {
  readonly bus: Bus
  readonly seals: Seals
  readonly clock: Clock
  /** Of this process; what it told itself it need not hear. */
  readonly origin: string
  /** As long as anything can be remembered anywhere. */
  readonly keep: Millis
  /** News that is younger than this when a replica joins may be ahead of Kratos' commit: it is heard again. */
  readonly hold: Millis
  /** Takes news of others; returns what it found out with it and the others should know. */
  readonly hear: (news: News) => readonly News[]
  /** Forgets everything: what was missed cannot be known. */
  readonly clear: () => void
  readonly report: (event: BusEvent) => void
  readonly accident: (error: unknown) => void
}

export interface NewsLine {
  /** Tells all replicas. True when Redis has it; otherwise it waits for Redis. Never rejects. */
  tell(news: readonly News[]): Promise<boolean>
  /** The latest revocation that has been heard here. */
  readonly position: StreamId
  /** What was asked before that is worth nothing here, whatever its tombstones say. */
  readonly floor: StreamId
  /** Nothing that is known here is missing there, nor, as far as can be seen, the other way round. */
  readonly settled: boolean
  readonly connected: boolean
  /** How long ago the end of the stream was last seen; a revocation of others may be that old. */
  readonly lag: Millis
  readonly waiting: number
  /** Somebody has seen the stream end earlier than it must: Redis has lost something. */
  suspect(head: StreamId): boolean
  close(): Promise<void>
}

/** ms. How long the follower waits for news at a time; how soon a stop or a dead line is noticed. */
const LISTEN = millis(1_000)
/** ms that one call may take beyond what it waits for. */
const CALL = millis(2_000)
/** ms that news which is still untold has when we stop. */
const LAST_WORD = millis(500)
/** After a failed round, 250 ms. Waits for nothing else: whatever were waited for beside it would remember each wait. */
const pause = () => new Promise<void>(resolve => setTimeout(resolve, 250))

export function startNews(parts: NewsParts): NewsLine {
  const { bus, seals, clock, report } = parts
  let open = true
  let joined = false
  let connected = false
  let position: StreamId = BEGINNING
  /** The latest of which is known that Redis had it. */
  let known: StreamId = BEGINNING
  /** Redis has lost what came after that, and nobody has been told yet. */
  let lostSince: StreamId | undefined
  /** News that could not be read came then. */
  let floor: StreamId = BEGINNING
  let endSeen: Instant = clock.now()

  const call = async <T>(answer: Promise<T>, waited: Millis = millis(0)): Promise<T> => {
    const done = await within(
      answer.then(value => ({ value })),
      millis(CALL + waited),
      undefined,
    )
    if (done === undefined) throw new Error('no answer')
    return done.value
  }

  function line(up: boolean): void {
    if (up) endSeen = clock.now()
    if (up !== connected) report(up ? 'connected' : 'disconnected')
    connected = up
  }

  /** Where nobody knows what was missed, nothing is believed. */
  function forget(why: 'gap' | 'lost' | 'undecryptable'): void {
    report(why)
    parts.clear()
  }

  async function join(): Promise<void> {
    if (lostSince !== undefined) {
      await call(publish({ kind: 'everything' }, lostSince))
      lostSince = undefined
    }
    const { head, recent } = await call(bus.join(millis(2 * parts.hold)))
    // What was remembered before nobody told us of revocations.
    parts.clear()
    position = head
    known = head
    for (const text of recent) hear(text)
    joined = true
    line(true)
  }

  function hear(text: string): void {
    const message = readMessage(text, seals)
    if (message === undefined) {
      forget('undecryptable')
      floor = position
    }
    if (message === undefined || message.origin === parts.origin) return
    report('received')
    try {
      const more = parts.hear(message.news)
      if (more.length > 0) void outbox.tell(more)
    } catch (error) {
      parts.accident(error)
      parts.clear()
    }
  }

  async function follow(): Promise<void> {
    let messages = await call(bus.follow(position, LISTEN), LISTEN)
    if (messages.length === 0) {
      const head = await call(bus.head())
      if (head !== position) {
        if (isBefore(head, known)) return recover()
        messages = await call(bus.follow(position, millis(0)))
        if (messages.length === 0) {
          forget('gap')
          position = head
        }
      }
    }
    for (const { id, previous, text } of messages) {
      if (isBefore(previous, position)) return recover()
      if (previous !== position) forget('gap')
      position = id
      known = laterOf(known, id)
      hear(text)
    }
    line(true)
  }

  /** Redis was emptied, or a replica without the latest took over: what it holds may be older than what was revoked. */
  function recover(): void {
    joined = false
    lostSince = known
    forget('lost')
  }

  async function publish(news: News, unlessAfter?: StreamId): Promise<void> {
    const text = writeMessage({ origin: parts.origin, news }, seals)
    const names = tombstonesOf(news, seals)
    const message = { text, names, keep: parts.keep, ...(unlessAfter === undefined ? {} : { unlessAfter }) }
    const id = await bus.publish(message)
    if (id === undefined) return
    known = laterOf(known, id)
    report('published')
  }

  const outbox = createOutbox(
    news => call(publish(news)),
    () => report('waiting'),
  )

  async function run(): Promise<void> {
    while (open) {
      try {
        if (!joined) await join()
        await outbox.flush()
        await follow()
      } catch {
        line(false)
        await pause()
      }
    }
  }
  run().catch(parts.accident)

  return {
    tell: outbox.tell,
    get position() {
      return position
    },
    get floor() {
      return floor
    },
    get settled() {
      return joined && connected && outbox.size === 0
    },
    get connected() {
      return connected
    },
    get lag() {
      return between(endSeen, clock.now())
    },
    get waiting() {
      return outbox.size
    },
    suspect: head => isBefore(head, known),
    async close() {
      open = false
      await within(
        outbox.flush().catch(() => undefined),
        LAST_WORD,
        undefined,
      )
      await bus.close()
    },
  }
}
