/** In-memory Redis for several replicas that can fail, lose data and be restored from a dump. */
import { type Clock, type Instant, type Millis, millis, plusMillis } from '../../src/lib/time.ts'
import type { RedisStore, StreamMessage } from '../../src/sessions/replication/redis_store.ts'
import { isBefore, STREAM_START } from '../../src/sessions/replication/stream_id.ts'

interface RedisState {
  entries: Map<string, { readonly text: string; readonly until: Instant }>
  tombstones: Map<string, string>
  stream: readonly StreamMessage[]
  head: string
}

export interface FakeRedis {
  /** Opens a connection for one replica. While `down` is set, its calls reject. */
  connect(): RedisStore & { down: boolean }
  state: RedisState
  /** A copy of the state. Assigning it to `state` is a restart from an old dump. */
  snapshot(): RedisState
  /** A restart without a dump. */
  flush(): void
  /** Drops all messages except the latest. */
  trim(): void
  /** Completes all blocking reads. */
  notifyReaders(): void
}

export function fakeRedis(clock: Clock): FakeRedis {
  const emptyState = (): RedisState => ({
    entries: new Map(),
    tombstones: new Map(),
    stream: [],
    head: STREAM_START,
  })
  let state = emptyState()
  let blockedReaders: (() => void)[] = []
  let sequence = 0

  const notifyReaders = (): void => {
    const now = blockedReaders
    blockedReaders = []
    for (const one of now) one()
  }

  function connect(): RedisStore & { down: boolean } {
    const connection = { down: false }
    const assertUp = async (): Promise<void> => {
      if (connection.down) throw new Error('down')
    }
    const messagesAfter = (id: string): StreamMessage[] => state.stream.filter(one => isBefore(id, one.id))
    return Object.assign(connection, {
      async getEntry(name: string) {
        await assertUp()
        const found = state.entries.get(name)
        const ttl = found === undefined ? 0 : found.until - clock.now()
        return found === undefined || ttl <= 0 ? undefined : { text: found.text, ttl: millis(ttl) }
      },
      async putEntry(name: string, text: string, ttl: Millis) {
        await assertUp()
        state.entries.set(name, { text, until: plusMillis(clock.now(), ttl) })
      },
      async deleteEntry(name: string) {
        await assertUp()
        state.entries.delete(name)
      },
      async getTombstones(names: readonly string[]) {
        await assertUp()
        return { head: state.head, ids: names.map(name => state.tombstones.get(name)) }
      },
      async publish({ text, names, unlessAfter }: Parameters<RedisStore['publish']>[0]) {
        await assertUp()
        const last = state.tombstones.get(names[0] ?? '') ?? STREAM_START
        if (unlessAfter !== undefined && isBefore(unlessAfter, last)) return undefined
        // Redis derives the id from its clock, even after a loss of data.
        const id = `${Math.floor(clock.wall())}-${sequence++}`
        state.stream = [...state.stream, { id, previousId: state.head, text }]
        state.head = id
        for (const name of names) state.tombstones.set(name, id)
        notifyReaders()
        return id
      },
      async readRecent(window: Millis) {
        await assertUp()
        const recent = messagesAfter(`${Math.floor(clock.wall() - window)}-0`)
        return { head: state.head, recent: recent.map(one => one.text) }
      },
      async readHead() {
        await assertUp()
        return state.head
      },
      async readAfter(id: string, wait: Millis) {
        await assertUp()
        if (wait > 0 && messagesAfter(id).length === 0)
          await new Promise<void>(resolve => blockedReaders.push(resolve))
        await assertUp()
        return messagesAfter(id)
      },
      async close() {
        connection.down = true
      },
    })
  }

  return {
    connect,
    get state() {
      return state
    },
    set state(to) {
      state = to
    },
    snapshot: () => ({
      entries: new Map(state.entries),
      tombstones: new Map(state.tombstones),
      stream: state.stream,
      head: state.head,
    }),
    flush() {
      state = emptyState()
    },
    trim() {
      state.stream = state.stream.slice(-1)
    },
    notifyReaders,
  }
}
