/** api/revocations — news that sessions have ended, from Kratos' web hooks or whoever calls its admin API. Knows keys and a function, no session. */
import type { WallTime } from '../lib/time.ts'
import type { Revoked } from '../sessions/types.ts'
import { json, jsonError, type Reply } from './reply.ts'
import { REVOCATION_BODY, readRevocation } from './revocation_body.ts'
import { createRevocationKeys } from './revocation_keys.ts'
import type { ApiRequest, Route } from './server.ts'

export interface RevocationParts {
  /** Each known to some who may send news. */
  readonly keys: readonly string[]
  readonly wall: () => WallTime
  /** True when every replica that can be reached has heard it; false when some will later. */
  readonly revoke: (revoked: Revoked) => Promise<boolean>
}

/** Bytes; the news is one id, or one credential. */
const LARGEST = 16 * 1024
/** ms. Kratos tries a hook three times within 30 s each. */
const RETRIES = 120_000
/** Ids of messages that are remembered for it. */
const MOST_MESSAGES = 10_000

/**
 * `POST /sessions/revocations`, with a key or a signature (`revocation_keys`) and one revocation (`revocation_body`). 204
 * whether anything was remembered or not, so that nobody learns who is logged in (I5); 202 where other replicas cannot be told yet.
 */
export function revocationsRoute({ keys, wall, revoke }: RevocationParts): Route {
  const known = createRevocationKeys(keys, wall)
  const isRetry = createRetries(wall)
  return async request => {
    if (request.path !== '/sessions/revocations') return undefined
    if (request.method !== 'POST') return jsonError(405, 'Use POST')
    const { headers } = request.message
    const trusted = known.present(headers)
    if (!trusted && !known.claimSigned(headers)) return UNKNOWN
    const body = await readBody(request)
    if (body === undefined) return TOO_LARGE
    const signed = trusted ? 'good' : known.judge(headers, body)
    if (signed === 'bad') return UNKNOWN
    const revoked = readRevocation(body.toString(), wall())
    if (revoked === undefined) return jsonError(400, REVOCATION_BODY)
    // Whoever asks again for one session is heard again: Kratos commits after the last try of its hook, not the first.
    const again = signed === 'repeated' || (isRetry(headers) && revoked.kind === 'everything')
    return again || (await revoke(revoked)) ? NOTHING : HERE_ONLY
  }
}

const NOTHING: Reply = { ...json(204, null), body: '' }
const HERE_ONLY = json(202, { message: 'In force here; other replicas hear of it when Redis answers again' })
const UNKNOWN = jsonError(401, 'The key or the signature is missing or wrong')
const TOO_LARGE: Reply = ((reply: Reply) => ({
  ...reply,
  headers: [...reply.headers, ['connection', 'close']],
}))(jsonError(413, 'The body is too large'))

/** Tells further tries of a message by the id that its sender gives it. */
function createRetries(wall: () => WallTime) {
  const seen = new Map<string, number>()
  return (headers: ApiRequest['message']['headers']): boolean => {
    const id = headers['ory-webhook-trigger-id'] ?? headers['webhook-id']
    if (typeof id !== 'string' || id.length > 256) return false
    const until = seen.get(id) ?? 0
    if (until > wall()) return true
    seen.delete(id)
    seen.set(id, wall() + RETRIES)
    const [oldest] = seen.keys()
    if (seen.size > MOST_MESSAGES && oldest !== undefined) seen.delete(oldest)
    return false
  }
}

/** `undefined` for too large a one; the rest of it stays unread, and the connection open for the answer. */
async function readBody({ message }: ApiRequest): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > LARGEST) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}
