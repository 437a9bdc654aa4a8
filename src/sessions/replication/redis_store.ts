/** Storage that replicas share in Redis: cache entries, the revocation stream and tombstones, all of them opaque texts. */
import { type Millis, millis } from '../../lib/time.ts'
import { openRedisClient, type RedisClientOptions } from './redis_client.ts'
import { PUBLISH_SCRIPT, READ_RECENT_SCRIPT } from './redis_scripts.ts'
import { STREAM_START, type StreamId } from './stream_id.ts'

export interface StreamMessage {
  readonly id: StreamId
  /** Id of the message before it. A break in the chain shows that messages are missing. */
  readonly previousId: StreamId
  readonly text: string
}

/** Calls reject at once while Redis is disconnected. They have no timeout of their own. */
export interface RedisStore {
  /** The entry with its remaining lifetime. */
  getEntry(name: string): Promise<{ readonly text: string; readonly ttl: Millis } | undefined>
  putEntry(name: string, text: string, ttl: Millis): Promise<void>
  deleteEntry(name: string): Promise<void>
  /** Head of the stream, and the tombstone of each name. */
  getTombstones(names: readonly string[]): Promise<Tombstones>
  /** Appends to the stream and writes the tombstones atomically. `undefined` if the first tombstone is later than `unlessAfter`. */
  publish(message: Publication): Promise<StreamId | undefined>
  /** Head of the stream, and the texts of the last `window` ms. */
  readRecent(window: Millis): Promise<{ readonly head: StreamId; readonly recent: readonly string[] }>
  readHead(): Promise<StreamId>
  /** Messages after `after`. Waits up to `wait` ms for one, on a connection of its own; 0 does not wait. */
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
  /** How long Redis keeps the message and its tombstones. */
  readonly retention: Millis
  readonly unlessAfter?: StreamId
}

/** Beyond this number Redis drops the oldest messages. A replica that missed them detects the gap by `previousId`. */
const MAX_STREAM_MESSAGES = 100_000
/** Redis Cluster hashes only the part in braces, so that all keys of a script are in one slot. */
const HASH_TAG = '{revocations}'

/** Opens two connections, one for commands and one for blocking reads. `prefix` precedes every key. */
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
      const [text, ttl] = await Promise.all([
        commands.send(key, ['GET', key]),
        commands.send(key, ['PTTL', key]),
      ])
      // We always set an expiry, so an entry without one is not ours.
      if (typeof text !== 'string' || typeof ttl !== 'number' || ttl <= 0) return undefined
      return { text, ttl: millis(ttl) }
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
    async publish({ text, names, retention, unlessAfter = '' }) {
      const keys = [stream, head, ...names.map(tombstone)]
      const args = [text, String(Math.ceil(retention)), String(MAX_STREAM_MESSAGES), unlessAfter]
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
    async readHead() {
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

/** Reads `[[id, [field, value, …]], …]` (RESP2). A foreign message has no `p` field, which breaks the chain. */
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
