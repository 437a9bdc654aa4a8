/** The route that revokes sessions: Kratos' web hooks call it, and operators' tools. */
import type { Clock } from '../lib/time.ts'
import type { RevocationTarget } from '../sessions/types.ts'
import { createKeyAttempts } from './key_attempts.ts'
import { bodyTooLargeReply, jsonErrorReply, jsonReply, type Reply } from './reply.ts'
import { readBody } from './request_body.ts'
import { createRevocationAuth, MAX_MESSAGE_ID_CHARS } from './revocation_auth.ts'
import { parseRevocation, REVOCATION_BODY_HELP } from './revocation_body.ts'
import type { ApiRequest, Route } from './server.ts'

/** Why a call was rejected. */
export type RevocationRejection = 'no_key' | 'wrong_key' | 'invalid_signature' | 'rate_limited'

export interface RevocationDependencies {
  /** Keys that callers may use. Each of them allows every revocation. */
  readonly keys: readonly string[]
  readonly clock: Pick<Clock, 'now' | 'wall'>
  /** Resolves to true once Redis has accepted the revocation, to false while it is queued. */
  readonly revoke: (revoked: RevocationTarget) => Promise<boolean>
  /** Called for each call without a valid key or signature; `address` is that of the TCP peer. */
  readonly onRejected: (reason: RevocationRejection, address: string) => void
}

/** A body is one id or one credential. */
const MAX_BODY_BYTES = 16 * 1024
/** Time in which a repeated message counts as a retry. Kratos tries a hook three times within 30 s each. */
const RETRY_WINDOW_MS = 120_000
/** Message ids that are kept to recognize retries. */
const MAX_MESSAGE_IDS = 10_000

/**
 * `POST /sessions/revocations` with a key or a signature, and one revocation as its body. Answers 204 whether
 * a session was cached or not, so that the caller does not learn who is logged in. Answers 202 while Redis
 * cannot be reached: the revocation then waits in a queue.
 */
export function revocationsRoute({ keys, clock, revoke, onRejected }: RevocationDependencies): Route {
  const { wall } = clock
  const auth = createRevocationAuth(keys, wall)
  const attempts = createKeyAttempts(clock)
  const isRetry = createRetryDetector(wall)
  const reject = (reason: Exclude<RevocationRejection, 'rate_limited'>, address: string): Reply => {
    if (attempts.isLimited(address)) {
      onRejected('rate_limited', address)
      return TOO_MANY_ATTEMPTS
    }
    if (reason !== 'no_key') attempts.recordFailure(address)
    onRejected(reason, address)
    return UNAUTHORIZED
  }
  return async request => {
    if (request.path !== '/sessions/revocations') return undefined
    if (request.method !== 'POST') return jsonErrorReply(405, 'Use POST')
    const { headers, socket } = request.message
    const address = socket.remoteAddress ?? ''
    const hasKey = auth.hasValidKey(headers)
    if (!hasKey && !auth.hasSignature(headers))
      return reject(auth.hasAnyKey(headers) ? 'wrong_key' : 'no_key', address)
    const body = await readBody(request.message, MAX_BODY_BYTES)
    if (body === undefined) return closing(bodyTooLargeReply())
    const signature = hasKey ? 'valid' : auth.verifySignature(headers, body)
    if (signature === 'invalid') return reject('invalid_signature', address)
    const revoked = parseRevocation(body.toString(), wall())
    if (revoked === undefined) return jsonErrorReply(400, REVOCATION_BODY_HELP)
    // A retry must revoke a single session or identity again: Kratos commits its change after the last try of
    // the hook, so a session could be cached between the tries.
    const isRepeated = signature === 'replayed' || (isRetry(headers) && revoked.kind === 'everything')
    return isRepeated || (await revoke(revoked)) ? NO_CONTENT : QUEUED
  }
}

const NO_CONTENT: Reply = { ...jsonReply(204, null), body: '' }
const QUEUED = jsonReply(202, {
  message: 'Revoked on this replica; published to the other replicas when Redis is reachable again',
})
const TOO_MANY_ATTEMPTS = jsonErrorReply(429, 'Too many calls with a wrong key or signature')
const UNAUTHORIZED = jsonErrorReply(401, 'The key or the signature is missing or wrong')

const closing = (reply: Reply): Reply => ({ ...reply, headers: [...reply.headers, ['connection', 'close']] })

/** Recognizes further tries of a message by the id that its sender gives it. */
function createRetryDetector(wall: Clock['wall']) {
  const expiries = new Map<string, number>()
  return (headers: ApiRequest['message']['headers']): boolean => {
    const id = headers['ory-webhook-trigger-id'] ?? headers['webhook-id']
    if (typeof id !== 'string' || id.length > MAX_MESSAGE_ID_CHARS) return false
    const expiresAt = expiries.get(id) ?? 0
    if (expiresAt > wall()) return true
    expiries.delete(id)
    expiries.set(id, wall() + RETRY_WINDOW_MS)
    const [oldest] = expiries.keys()
    if (expiries.size > MAX_MESSAGE_IDS && oldest !== undefined) expiries.delete(oldest)
    return false
  }
}
