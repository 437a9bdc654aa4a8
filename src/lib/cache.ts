/** lib/cache — a bounded shelf with a lifetime per entry, and one flight for many who wait. The only importer of lru-cache. Knows nothing of access control. */
import { LRUCache } from 'lru-cache'
import { type Clock, type Instant, later, type Millis } from './time.ts'

/** What of an answer stays, and how long. */
export interface Keep<Kept> {
  readonly value: Kept
  /** 0 or less: not at all. */
  readonly ttl: Millis
}

export interface Ticket<Answer> {
  readonly answer: Promise<Answer>
  /** Somebody else had asked already. */
  readonly joined: boolean
}

export interface Question<Answer, Kept> {
  ask(): Promise<Answer>
  /** Called once with the answer. `undefined`: what was there stays; `drop`: it goes. */
  keep(answer: Answer): Keep<Kept> | 'drop' | undefined
  /** Does not join a flight that anybody began without this mark; its own replaces that one. */
  readonly fresh?: boolean
}

/**
 * Answers are shared while they are under way and kept while they are good. A flight belongs to nobody: whoever leaves
 * does not end it. Failures are never kept (C25), nor is an answer whose flight began before its key was evicted (C24).
 */
export interface Cache<Answer, Kept> {
  get(key: string): Kept | undefined
  ask(key: string, question: Question<Answer, Kept>): Ticket<Answer>
  evict(key: string): void
  /** Nobody joins what is under way any more, and its answers are not kept (C24). */
  abandon(): void
  clear(): void
  readonly size: number
  readonly inFlight: number
}

/** What is kept while it is good, and no longer than there is room. */
export interface Shelf<Kept> {
  get(key: string): Kept | undefined
  /** A `ttl` of 0 or less: not at all, and what was there stays. */
  put(key: string, value: Kept, ttl: Millis): void
  delete(key: string): void
  clear(): void
  readonly size: number
}

export interface CacheOptions<Kept> {
  readonly clock: Clock
  /** Most entries; beyond it the least recently used goes. */
  readonly entries: number
  /** Told of every entry that came, after the one that it takes the place of has gone. */
  readonly came?: (key: string, value: Kept) => void
  /** Told of every entry that goes, whatever the reason; also of one that another takes the place of. */
  readonly gone?: (key: string, value: Kept) => void
}

interface Entry<Kept> {
  readonly value: Kept
  readonly until: Instant
}

interface Flight<Answer> {
  answer: Promise<Answer>
  readonly fresh: boolean
}

const NOT_YET = new Promise<never>(() => {})

export function createShelf<Kept>({ clock, entries, came, gone }: CacheOptions<Kept>): Shelf<Kept> {
  // Lifetimes are compared here, on our own clock: lru-cache takes a lifetime of 0 for an endless one.
  let shelf: LRUCache<string, Entry<Kept>> | undefined
  // It takes room for all entries at once, 3 MB for 100,000; most shelves of an instance never have one.
  const build = () =>
    new LRUCache<string, Entry<Kept>>({
      max: entries,
      ...(gone === undefined ? {} : { dispose: (entry, key) => gone(key, entry.value) }),
    })
  return {
    get(key) {
      const entry = shelf?.get(key)
      if (entry === undefined) return undefined
      if (entry.until > clock.now()) return entry.value
      shelf?.delete(key)
      return undefined
    },
    put(key, value, ttl) {
      if (ttl <= 0) return
      shelf ??= build()
      shelf.set(key, { value, until: later(clock.now(), ttl) })
      came?.(key, value)
    },
    delete: key => void shelf?.delete(key),
    clear: () => shelf?.clear(),
    get size() {
      return shelf?.size ?? 0
    },
  }
}

export function createCache<Answer, Kept>(options: CacheOptions<Kept>): Cache<Answer, Kept> {
  const shelf = createShelf(options)
  // Not lru-cache's `fetch`: there, an entry pushed out by newer keys rejects its waiters.
  const flights = new Map<string, Flight<Answer>>()

  async function fly(key: string, mine: Flight<Answer>, question: Question<Answer, Kept>): Promise<Answer> {
    // Only a flight that is still on record may store: an eviction, or a fresher flight, took the others off it.
    const landed = () => flights.get(key) === mine && flights.delete(key)
    try {
      const answer = await question.ask()
      if (landed()) keep(key, question.keep(answer))
      return answer
    } finally {
      landed()
    }
  }

  function keep(key: string, kept: Keep<Kept> | 'drop' | undefined): void {
    if (kept === 'drop') shelf.delete(key)
    else if (kept !== undefined) shelf.put(key, kept.value, kept.ttl)
  }

  return {
    get: shelf.get,
    ask(key, question) {
      const fresh = question.fresh === true
      const under = flights.get(key)
      if (under !== undefined && (under.fresh || !fresh)) return { answer: under.answer, joined: true }
      const flight: Flight<Answer> = { fresh, answer: NOT_YET }
      flights.set(key, flight)
      flight.answer = fly(key, flight, question)
      return { answer: flight.answer, joined: false }
    },
    evict(key) {
      flights.delete(key)
      shelf.delete(key)
    },
    abandon: () => flights.clear(),
    clear() {
      flights.clear()
      shelf.clear()
    },
    get size() {
      return shelf.size
    },
    get inFlight() {
      return flights.size
    },
  }
}
