/** sessions/shared_shelf — what one replica learnt of a session, for the others, in Redis. Never a credential, never Set-Cookie; a miss whenever anything is in doubt. Knows the bus, no Kratos. */
import type { VerifiedSession } from '../../access/verdict.ts'
import type { TuplePart } from '../../lib/key_hash.ts'
import { between, type Clock, type Instant, later, type Millis, millis } from '../../lib/time.ts'
import { within } from '../../lib/with_timeout.ts'
import { readWhoami } from '../kratos/whoami_response.ts'
import type { Finding } from '../types.ts'
import type { Seals } from './encryption.ts'
import type { Bus } from './redis_store.ts'
import { EVERYTHING } from './revocation_message.ts'
import type { NewsLine } from './revocation_stream.ts'
import { BEGINNING, isBefore, type StreamId } from './stream_id.ts'

export type Known = Extract<Finding, { readonly kind: 'verified' }> & { readonly askedAt: Instant }

/** How a look at the shelf ended. Closed: docs/operations.md lists them. */
export type ShelfOutcome = 'hit' | 'miss' | 'void' | 'undecryptable' | 'error' | 'closed' | 'written'

export interface SharedShelf {
  /** Names of a credential alone, our own first: the same on every replica. */
  marksOf(value: string): readonly [string, ...string[]]
  /** Which revocations are known when Kratos is asked; what it says then is worth nothing after a later one. */
  readonly position: StreamId
  /** Waits for Redis no longer than its own timeout. Never rejects. */
  read(question: Question): Promise<Known | undefined>
  /** Behind everybody's back: nobody waits for it. */
  write(question: Question, entry: Entry): void
  /** Kratos has said no. */
  drop(question: Question): void
}

export interface Question {
  /** Everything that the answer depends on. */
  readonly tuple: readonly TuplePart[]
  /** One of the names of the credential alone. */
  readonly mark: string
}

export interface Entry {
  readonly position: StreamId
  readonly session: VerifiedSession
  /** Values of `Ory-Session-Cache-For`. */
  readonly cacheFor: readonly string[]
  readonly askedAt: Instant
  readonly ttl: Millis
}

export interface SharedShelfParts {
  readonly bus: Bus
  readonly seals: Seals
  /** Absent until somebody listens: then nothing is shared. */
  readonly news: () => Pick<NewsLine, 'position' | 'floor' | 'settled' | 'suspect'> | undefined
  readonly clock: Clock
  readonly timeout: Millis
  readonly count: (outcome: ShelfOutcome) => void
}

/** Of what is written; another schema has other names. */
const SCHEMA = 'v1'
/** Characters; no session of Kratos comes near. */
const LARGEST = 256 * 1024
/** Failures in a row after which Redis is left alone, and for how long. */
const FAILURES = 3
const PAUSE = millis(1_000)
/** Writes under way; beyond it an answer stays local. */
const MOST_WRITES = 256

export function createSharedShelf(parts: SharedShelfParts): SharedShelf {
  const { bus, seals, clock, count } = parts
  const isSettled = (): boolean => parts.news()?.settled === true
  let failures = 0
  let closedUntil: Instant = clock.now()
  /** After a pause one look tells whether Redis is back; the others do not wait with it. */
  let trying = false
  let writes = 0

  const placeOf = ({ tuple }: Question): string => `${SCHEMA}:${seals.names(tuple)[0]}`

  function failed(): void {
    count('error')
    failures++
    if (failures >= FAILURES) closedUntil = later(clock.now(), PAUSE)
  }

  function isClosed(): boolean {
    if (!isSettled() || closedUntil > clock.now()) return true
    return failures >= FAILURES && trying
  }

  async function look(question: Question): Promise<Known | 'miss' | 'void' | 'undecryptable'> {
    const place = placeOf(question)
    const found = await bus.load(place)
    if (found === undefined) return 'miss'
    const sealed = seals.open(place, found.text)
    const known = sealed === undefined ? undefined : readEntry(sealed, found.left, clock)
    if (known === undefined) return 'undecryptable'
    const { finding, position, over } = known
    if (over || finding.kind !== 'verified') return 'void'
    const { id, identityId } = finding.session
    const names = [EVERYTHING, ['session', id], ['identity', identityId]].map(one => seals.names(one)[0])
    const { head, ids } = await bus.tombstones([...names, question.mark])
    // Redis itself must know of all that was known when Kratos was asked, and of all that is known here.
    const news = parts.news()
    const lost = isBefore(head, position) || news?.suspect(head) !== false
    const revoked = [...ids, news?.floor].some(one => one !== undefined && isBefore(position, one))
    return lost || revoked || !isSettled() ? 'void' : finding
  }

  return {
    marksOf: value => seals.names(['credential', value]),
    get position() {
      return parts.news()?.position ?? BEGINNING
    },
    async read(question) {
      if (isClosed()) {
        count('closed')
        return undefined
      }
      trying = true
      try {
        const outcome = await within(look(question), parts.timeout, 'late' as const)
        if (outcome === 'late') {
          failed()
          return undefined
        }
        failures = 0
        count(typeof outcome === 'string' ? outcome : 'hit')
        return typeof outcome === 'string' ? undefined : outcome
      } catch {
        failed()
        return undefined
      } finally {
        trying = false
      }
    },
    write(question, entry) {
      if (isClosed() || writes >= MOST_WRITES || entry.ttl <= 0) return
      const place = placeOf(question)
      const text = writeEntry(entry, clock)
      if (text.length > LARGEST) return
      writes++
      bus
        .save(place, seals.seal(place, text), entry.ttl)
        .then(() => count('written'), failed)
        .finally(() => {
          writes--
        })
    },
    drop(question) {
      if (!isSettled()) return
      bus.drop(placeOf(question)).catch(failed)
    },
  }
}

interface Written {
  readonly position: StreamId
  /** Wall clock of the one who asked, ms; and how old the answer was when it was written, ms. */
  readonly asked: number
  readonly age: number
  readonly ttl: number
  readonly cacheFor: readonly string[]
  readonly session: VerifiedSession['document']
}

function writeEntry({ position, session, cacheFor, askedAt, ttl }: Entry, clock: Clock): string {
  const age = between(askedAt, clock.now())
  const written: Written = {
    position,
    asked: clock.wall() - age,
    age,
    ttl,
    cacheFor,
    session: session.document,
  }
  return JSON.stringify(written)
}

/**
 * The same checks as for an answer of Kratos, at today's time. Its age is what Redis' own clock says of it, or what the two
 * wall clocks say, whichever is more: no clock that is wrong makes an entry younger, nor does one that was put back.
 */
function readEntry(text: string, left: Millis, clock: Clock) {
  let written: Written
  try {
    written = JSON.parse(text) as Written
  } catch {
    return undefined
  }
  const { position, asked, age, ttl, cacheFor, session } = written
  const headers = cacheFor.map(value => ['ory-session-cache-for', value] as const)
  const answer = { kind: 'answered', status: 200, headers, body: JSON.stringify(session) } as const
  const finding = readWhoami(answer, '', clock.wall())
  const old = Math.max(age + Math.max(0, ttl - left), clock.wall() - asked, 0)
  return {
    position,
    over: old >= age + ttl,
    finding: { ...finding, askedAt: later(clock.now(), millis(-old)) },
  }
}
