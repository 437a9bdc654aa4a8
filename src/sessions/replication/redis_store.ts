/** sessions/bus — what replicas share in Redis: entries, a stream of revocations, a tombstone for each. Carries names and sealed texts; knows no session, no revocation, and not how long anybody waits. */
import { type Millis, millis } from '../../lib/time.ts'
import { type LineOptions, openLine } from './redis_client.ts'
import { BEGINNING, type StreamId } from './stream_id.ts'

export interface Message {
  readonly id: StreamId
  /** Id of the message before it: a chain shows what is missing. */
  readonly previous: StreamId
  readonly text: string
}

/** Every call rejects while the line is down, at once; one that was sent may take as long as the network likes. */
export interface Bus {
  load(name: string): Promise<{ readonly text: string; readonly left: Millis } | undefined>
  save(name: string, text: string, ttl: Millis): Promise<void>
  drop(name: string): Promise<void>
  /** The latest revocation of all, and of each name the latest that is still known. */
  tombstones(names: readonly string[]): Promise<Tombstones>
  /** In one step: adds to the stream and leaves a tombstone under each name. `undefined`: the first of them has one later than `unlessAfter` already. */
  publish(message: Publication): Promise<StreamId | undefined>
  /** Where the stream ends, and what came within the last `window`. */
  join(window: Millis): Promise<{ readonly head: StreamId; readonly recent: readonly string[] }>
  head(): Promise<StreamId>
  /** What came after `after`; waits up to `wait` for it, on a connection of its own. 0 does not wait. */
  follow(after: StreamId, wait: Millis): Promise<readonly Message[]>
  close(): Promise<void>
}

export interface Tombstones {
  readonly head: StreamId
  readonly ids: readonly (StreamId | undefined)[]
}

export interface Publication {
  readonly text: string
  readonly names: readonly string[]
  /** How long stream and tombstones are kept. */
  readonly keep: Millis
  readonly unlessAfter?: StreamId
}

/** Messages beyond which the oldest go; whoever had not read them sees it by the chain. */
const MOST_MESSAGES = 100_000
/** The keys of one script lie in one slot of a cluster: what is in braces is hashed alone. */
const SLOT = '{revocations}'

const PUBLISH = `
local head = redis.call('GET', KEYS[2]) or '0-0'
if ARGV[4] ~= '' then
  local function parts(id)
    local time, number = string.match(id, '^(%d+)-(%d+)$')
    return tonumber(time or -1), tonumber(number or -1)
  end
  local a, b = parts(redis.call('GET', KEYS[3]) or '0-0')
  local c, d = parts(ARGV[4])
  if a > c or (a == c and b > d) then return false end
end
local now = redis.call('TIME')
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 't', ARGV[1], 'p', head)
redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', math.max(0, now[1] * 1000 - ARGV[2])))
redis.call('SET', KEYS[2], id)
for i = 3, #KEYS do redis.call('SET', KEYS[i], id, 'PX', ARGV[2]) end
return id`

const JOIN = `
local now = redis.call('TIME')
local from = string.format('%.0f', math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[1]))
return { redis.call('GET', KEYS[2]) or '0-0', redis.call('XRANGE', KEYS[1], from, '+') }`

/** `prefix` stands before every key. */
export async function openBus(options: LineOptions, prefix: string): Promise<Bus> {
  const commands = await openLine(options)
  const follower = await openLine(options)
  const stream = `${prefix}${SLOT}:stream`
  const head = `${prefix}${SLOT}:head`
  const tombstone = (name: string): string => `${prefix}${SLOT}:${name}`
  const entry = (name: string): string => `${prefix}session:${name}`
  const evaluate = (script: string, keys: readonly string[], args: readonly string[]) =>
    commands.send(stream, ['EVAL', script, String(keys.length), ...keys, ...args])

  return {
    async load(name) {
      const key = entry(name)
      const [text, left] = await Promise.all([
        commands.send(key, ['GET', key]),
        commands.send(key, ['PTTL', key]),
      ])
      // Whatever has no end of its own was not written by us.
      if (typeof text !== 'string' || typeof left !== 'number' || left <= 0) return undefined
      return { text, left: millis(left) }
    },
    async save(name, text, ttl) {
      await commands.send(entry(name), ['SET', entry(name), text, 'PX', String(Math.ceil(ttl))])
    },
    async drop(name) {
      await commands.send(entry(name), ['UNLINK', entry(name)])
    },
    async tombstones(names) {
      const reply = await commands.send(stream, ['MGET', head, ...names.map(tombstone)])
      const [first, ...rest] = textsOf(reply)
      return { head: first ?? BEGINNING, ids: rest }
    },
    async publish({ text, names, keep, unlessAfter = '' }) {
      const keys = [stream, head, ...names.map(tombstone)]
      const args = [text, String(Math.ceil(keep)), String(MOST_MESSAGES), unlessAfter]
      const id = await evaluate(PUBLISH, keys, args)
      return typeof id === 'string' ? id : undefined
    },
    async join(window) {
      const reply = await evaluate(JOIN, [stream, head], [String(Math.ceil(window))])
      const [end, recent] = Array.isArray(reply) ? reply : []
      const messages = readMessages(recent)
      return { head: typeof end === 'string' ? end : BEGINNING, recent: messages.map(one => one.text) }
    },
    async head() {
      const reply = await follower.send(stream, ['GET', head])
      return typeof reply === 'string' ? reply : BEGINNING
    },
    async follow(after, wait) {
      const block = wait > 0 ? ['BLOCK', String(Math.ceil(wait))] : []
      const reply = await follower.send(stream, [
        'XREAD',
        'COUNT',
        '1000',
        ...block,
        'STREAMS',
        stream,
        after,
      ])
      const [one] = Array.isArray(reply) ? reply : []
      return readMessages(Array.isArray(one) ? one[1] : undefined)
    },
    async close() {
      await Promise.all([commands.close(), follower.close()])
    },
  }
}

const textsOf = (reply: unknown): (string | undefined)[] =>
  Array.isArray(reply) ? reply.map(one => (typeof one === 'string' ? one : undefined)) : []

/** `[[id, [field, value, …]], …]`, as RESP2 writes it. A message of others has no text and breaks the chain. */
function readMessages(reply: unknown): Message[] {
  if (!Array.isArray(reply)) return []
  return reply.map(one => {
    const [id, fields] = Array.isArray(one) ? one : []
    const list = textsOf(fields)
    const field = (name: string): string => {
      const at = list.findIndex((text, i) => i % 2 === 0 && text === name)
      return at < 0 ? '' : (list[at + 1] ?? '')
    }
    return { id: String(id), previous: field('p'), text: field('t') }
  })
}
