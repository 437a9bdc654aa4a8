/** api/revocations — news that sessions have ended, from Kratos' web hooks or whoever calls its admin API. Knows keys and a function, no session. */
import type { WallTime } from '../lib/time.ts'
import type { RevocationTarget } from '../sessions/types.ts'
import { jsonErrorReply, jsonReply, type Reply } from './reply.ts'
import { parseRevocation, REVOCATION_BODY_HELP } from './revocation_body.ts'
import { createRevocationAuth } from './revocation_auth.ts'
import type { ApiRequest, Route } from './server.ts'

export interface RevocationDependencies {
  /** Each known to some who may send news. */
  readonly keys: readonly string[]
  readonly wall: () => WallTime
  /** True when every replica that can be reached has heard it; false when some will later. */
  readonly revoke: (revoked: RevocationTarget) => Promise<boolean>
}

/** Bytes; the news is one id, or one credential. */
const MAX_BODY_BYTES = 16 * 1024
/** ms. Kratos tries a hook three times within 30 s each. */
const RETRY_WINDOW_MS = 120_000
/** Ids of messages that are remembered for it. */
const MAX_MESSAGE_IDS = 10_000

/**
 * `POST /sessions/revocations`, with a key or a signature (`revocation_keys`) and one revocation (`revocation_body`). 204
 * whether anything was remembered or not, so that nobody learns who is logged in (I5); 202 where other replicas cannot be told yet.
 */
export function revocationsRoute({ keys, wall, revoke }: RevocationDependencies): Route {
  const auth = createRevocationAuth(keys, wall)
  const isRetry = createRetryDetector(wall)
  return async request => {
    if (request.path !== '/sessions/revocations') return undefined
    if (request.method !== 'POST') return jsonErrorReply(405, 'Use POST')
    const { headers } = request.message
    const hasKey = auth.hasValidKey(headers)
    if (!hasKey && !auth.hasSignature(headers)) return UNAUTHORIZED
    const body = await readBody(request)
    if (body === undefined) return BODY_TOO_LARGE
    const signature = hasKey ? 'good' : auth.verifySignature(headers, body)
    if (signature === 'bad') return UNAUTHORIZED
    const revoked = parseRevocation(body.toString(), wall())
    if (revoked === undefined) return jsonErrorReply(400, REVOCATION_BODY_HELP)
    // Whoever asks again for one session is heard again: Kratos commits after the last try of its hook, not the first.
    const isRepeated = signature === 'repeated' || (isRetry(headers) && revoked.kind === 'everything')
    return isRepeated || (await revoke(revoked)) ? NO_CONTENT : APPLIED_LOCALLY
  }
}

const NO_CONTENT: Reply = { ...jsonReply(204, null), body: '' }
const APPLIED_LOCALLY = jsonReply(202, {
  message: 'In force here; other replicas hear of it when Redis answers again',
})
const UNAUTHORIZED = jsonErrorReply(401, 'The key or the signature is missing or wrong')
const BODY_TOO_LARGE: Reply = ((reply: Reply) => ({
  ...reply,
  headers: [...reply.headers, ['connection', 'close']],
}))(jsonErrorReply(413, 'The body is too large'))

/** Tells further tries of a message by the id that its sender gives it. */
function createRetryDetector(wall: () => WallTime) {
  const seenIds = new Map<string, number>()
  return (headers: ApiRequest['message']['headers']): boolean => {
    const id = headers['ory-webhook-trigger-id'] ?? headers['webhook-id']
    if (typeof id !== 'string' || id.length > 256) return false
    const expiresAt = seenIds.get(id) ?? 0
    if (expiresAt > wall()) return true
    seenIds.delete(id)
    seenIds.set(id, wall() + RETRY_WINDOW_MS)
    const [oldest] = seenIds.keys()
    if (seenIds.size > MAX_MESSAGE_IDS && oldest !== undefined) seenIds.delete(oldest)
    return false
  }
}

/** `undefined` for too large a one; the rest of it stays unread, and the connection open for the answer. */
async function readBody({ message }: ApiRequest): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}
