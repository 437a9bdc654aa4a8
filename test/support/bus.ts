/** test/fakes/bus — what Redis does for replicas, in memory, with the ways in which it fails. One world, a line to it for each replica. */
import { type Clock, type Instant, later, type Millis, millis } from '../../src/lib/time.ts'
import type { Bus, Message } from '../../src/sessions/replication/redis_store.ts'
import { BEGINNING, isBefore } from '../../src/sessions/replication/stream_id.ts'

interface State {
  entries: Map<string, { readonly text: string; readonly until: Instant }>
  tombstones: Map<string, string>
  stream: readonly Message[]
  head: string
}

export interface FakeRedis {
  /** A line of its own; `down` makes every call on it reject. */
  line(): Bus & { down: boolean }
  state: State
  /** A copy to go back to, as a restart from an old dump does. */
  copy(): State
  /** As a restart without a dump. */
  empty(): void
  /** Lets go of all messages but the latest. */
  trim(): void
  /** Answers those who wait for news. */
  wake(): void
}

export function fakeRedis(clock: Clock): FakeRedis {
  const nothing = (): State => ({ entries: new Map(), tombstones: new Map(), stream: [], head: BEGINNING })
  let state = nothing()
  let listeners: (() => void)[] = []
  let number = 0

  const wake = (): void => {
    const now = listeners
    listeners = []
    for (const one of now) one()
  }

  function line(): Bus & { down: boolean } {
    const self = { down: false }
    const up = async (): Promise<void> => {
      if (self.down) throw new Error('down')
    }
    const after = (id: string): Message[] => state.stream.filter(one => isBefore(id, one.id))
    return Object.assign(self, {
      async load(name: string) {
        await up()
        const found = state.entries.get(name)
        const left = found === undefined ? 0 : found.until - clock.now()
        return found === undefined || left <= 0 ? undefined : { text: found.text, left: millis(left) }
      },
      async save(name: string, text: string, ttl: Millis) {
        await up()
        state.entries.set(name, { text, until: later(clock.now(), ttl) })
      },
      async drop(name: string) {
        await up()
        state.entries.delete(name)
      },
      async tombstones(names: readonly string[]) {
        await up()
        return { head: state.head, ids: names.map(name => state.tombstones.get(name)) }
      },
      async publish({ text, names, unlessAfter }: Parameters<Bus['publish']>[0]) {
        await up()
        const last = state.tombstones.get(names[0] ?? '') ?? BEGINNING
        if (unlessAfter !== undefined && isBefore(unlessAfter, last)) return undefined
        // As Redis': by its clock, whatever it has lost.
        const id = `${Math.floor(clock.wall())}-${number++}`
        state.stream = [...state.stream, { id, previous: state.head, text }]
        state.head = id
        for (const name of names) state.tombstones.set(name, id)
        wake()
        return id
      },
      async join(window: Millis) {
        await up()
        const recent = after(`${Math.floor(clock.wall() - window)}-0`)
        return { head: state.head, recent: recent.map(one => one.text) }
      },
      async head() {
        await up()
        return state.head
      },
      async follow(id: string, wait: Millis) {
        await up()
        if (wait > 0 && after(id).length === 0) await new Promise<void>(resolve => listeners.push(resolve))
        await up()
        return after(id)
      },
      async close() {
        self.down = true
      },
    })
  }

  return {
    line,
    get state() {
      return state
    },
    set state(to) {
      state = to
    },
    copy: () => ({
      entries: new Map(state.entries),
      tombstones: new Map(state.tombstones),
      stream: state.stream,
      head: state.head,
    }),
    empty() {
      state = nothing()
    },
    trim() {
      state.stream = state.stream.slice(-1)
    },
    wake,
  }
}
