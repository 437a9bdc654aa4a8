/** sessions/bus — what replicas share in Redis: entries, a stream of revocations, a tombstone for each. Carries names and sealed texts; knows no session, no revocation, and not how long anybody waits. */
import { type Millis, millis } from '../../lib/time.ts'
import { openRedisClient, type RedisClientOptions } from './redis_client.ts'
import { STREAM_START, type StreamId } from './stream_id.ts'

export interface StreamMessage {
  readonly id: StreamId
  /** Id of the message before it: a chain shows what is missing. */
  readonly previousId: StreamId
  readonly text: string
}

/** Every call rejects while the line is down, at once; one that was sent may take as long as the network likes. */
export interface RedisStore {
  getEntry(name: string): Promise<{ readonly text: string; readonly left: Millis } | undefined>
  putEntry(name: string, text: string, ttl: Millis): Promise<void>
  deleteEntry(name: string): Promise<void>
  /** The latest revocation of all, and of each name the latest that is still known. */
  getTombstones(names: readonly string[]): Promise<Tombstones>
  /** In one step: adds to the stream and leaves a tombstone under each name. `undefined`: the first of them has one later than `unlessAfter` already. */
  publish(message: Publication): Promise<StreamId | undefined>
  /** Where the stream ends, and what came within the last `window`. */
  readRecent(window: Millis): Promise<{ readonly head: StreamId; readonly recent: readonly string[] }>
  head(): Promise<StreamId>
  /** What came after `after`; waits up to `wait` for it, on a connection of its own. 0 does not wait. */
  readAfter(after: StreamId, wait: Millis): Promise<readonly StreamMessage[]>
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
const MAX_STREAM_MESSAGES = 100_000
/** The keys of one script lie in one slot of a cluster: what is in braces is hashed alone. */
const HASH_TAG = '{revocations}'

const PUBLISH_SCRIPT = `
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

const READ_RECENT_SCRIPT = `
local now = redis.call('TIME')
local from = string.format('%.0f', math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[1]))
return { redis.call('GET', KEYS[2]) or '0-0', redis.call('XRANGE', KEYS[1], from, '+') }`

/** `prefix` stands before every key. */
export async function openRedisStore(options: RedisClientOptions, prefix: string): Promise<RedisStore> {
  const commands = await openRedisClient(options)
  const streamReader = await openRedisClient(options)
  const stream = `${prefix}${HASH_TAG}:stream`
  const head = `${prefix}${HASH_TAG}:head`
  const tombstone = (name: string): string => `${prefix}${HASH_TAG}:${name}`
  const entry = (name: string): string => `${prefix}session:${name}`
  const evaluate = (script: string, keys: readonly string[], args: readonly string[]) =>
    commands.send(stream, ['EVAL', script, String(keys.length), ...keys, ...args])

  return {
    async getEntry(name) {
      const key = entry(name)
      const [text, left] = await Promise.all([
        commands.send(key, ['GET', key]),
        commands.send(key, ['PTTL', key]),
      ])
      // Whatever has no end of its own was not written by us.
      if (typeof text !== 'string' || typeof left !== 'number' || left <= 0) return undefined
      return { text, left: millis(left) }
    },
    async putEntry(name, text, ttl) {
      await commands.send(entry(name), ['SET', entry(name), text, 'PX', String(Math.ceil(ttl))])
    },
    async deleteEntry(name) {
      await commands.send(entry(name), ['UNLINK', entry(name)])
    },
    async getTombstones(names) {
      const reply = await commands.send(stream, ['MGET', head, ...names.map(tombstone)])
      const [first, ...rest] = toStrings(reply)
      return { head: first ?? STREAM_START, ids: rest }
    },
    async publish({ text, names, keep, unlessAfter = '' }) {
      const keys = [stream, head, ...names.map(tombstone)]
      const args = [text, String(Math.ceil(keep)), String(MAX_STREAM_MESSAGES), unlessAfter]
      const id = await evaluate(PUBLISH_SCRIPT, keys, args)
      return typeof id === 'string' ? id : undefined
    },
    async readRecent(window) {
      const reply = await evaluate(READ_RECENT_SCRIPT, [stream, head], [String(Math.ceil(window))])
      const [streamHead, recent] = Array.isArray(reply) ? reply : []
      const messages = parseMessages(recent)
      return {
        head: typeof streamHead === 'string' ? streamHead : STREAM_START,
        recent: messages.map(one => one.text),
      }
    },
    async head() {
      const reply = await streamReader.send(stream, ['GET', head])
      return typeof reply === 'string' ? reply : STREAM_START
    },
    async readAfter(after, wait) {
      const block = wait > 0 ? ['BLOCK', String(Math.ceil(wait))] : []
      const reply = await streamReader.send(stream, [
        'XREAD',
        'COUNT',
        '1000',
        ...block,
        'STREAMS',
        stream,
        after,
      ])
      const [one] = Array.isArray(reply) ? reply : []
      return parseMessages(Array.isArray(one) ? one[1] : undefined)
    },
    async close() {
      await Promise.all([commands.close(), streamReader.close()])
    },
  }
}

const toStrings = (reply: unknown): (string | undefined)[] =>
  Array.isArray(reply) ? reply.map(one => (typeof one === 'string' ? one : undefined)) : []

/** `[[id, [field, value, …]], …]`, as RESP2 writes it. A message of others has no text and breaks the chain. */
function parseMessages(reply: unknown): StreamMessage[] {
  if (!Array.isArray(reply)) return []
  return reply.map(one => {
    const [id, fields] = Array.isArray(one) ? one : []
    const list = toStrings(fields)
    const field = (name: string): string => {
      const at = list.findIndex((text, i) => i % 2 === 0 && text === name)
      return at < 0 ? '' : (list[at + 1] ?? '')
    }
    return { id: String(id), previousId: field('p'), text: field('t') }
  })
}
