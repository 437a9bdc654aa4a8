/** Decides who may call the admin API: holders of a key, or without keys only this machine. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../lib/time.ts'
import { createKeyAttempts } from '../key_attempts.ts'
import { createKeyCheck } from '../key_check.ts'
import { jsonErrorReply, type Reply } from '../reply.ts'

export interface AdminAuthorizationOptions {
  /** Empty: calls from this machine need no key, and others are rejected. */
  readonly keys: readonly string[]
  readonly clock: Pick<Clock, 'now'>
}

/** The reply for a call that is not allowed, else `undefined`. */
export type AuthorizeAdmin = (message: IncomingMessage) => Reply | undefined

/**
 * A page in a browser may call no route: a request with `Origin` or from another site is rejected whatever its key
 * (https://www.w3.org/TR/fetch-metadata/), so that CORS and DNS rebinding open nothing.
 */
export function createAdminAuthorization({ keys, clock }: AdminAuthorizationOptions): AuthorizeAdmin {
  const isKey = createKeyCheck(keys)
  const attempts = createKeyAttempts(clock)
  return message => {
    const { headers, socket } = message
    if (headers.origin !== undefined || !isSameSite(headers['sec-fetch-site'])) return FROM_BROWSER
    if (keys.length === 0) return fromThisMachine(message)
    const address = socket.remoteAddress ?? ''
    const [, key] = /^bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
    if (key !== undefined && isKey(key)) return undefined
    if (attempts.isLimited(address)) return TOO_MANY_ATTEMPTS
    if (key !== undefined) attempts.recordFailure(address)
    return UNAUTHORIZED
  }
}

const LOOPBACK_ADDRESS = /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i

/** A proxy on this machine would make every client local, so its headers are rejected. */
function fromThisMachine({ headers, socket }: IncomingMessage): Reply | undefined {
  if (!LOOPBACK_ADDRESS.test(socket.remoteAddress ?? '')) return NOT_LOCAL
  if (Object.keys(headers).some(name => name === 'forwarded' || name.startsWith('x-forwarded-')))
    return NOT_LOCAL
  return LOOPBACK_HOST.test(headers.host ?? '') ? undefined : MISDIRECTED
}

/** Absent: not a browser. `none`: typed by a user. */
const isSameSite = (value: string | string[] | undefined): boolean =>
  value === undefined || value === 'none' || value === 'same-origin'

const FROM_BROWSER = jsonErrorReply(403, 'The admin API does not answer pages of a browser')
const NOT_LOCAL = jsonErrorReply(
  403,
  'Without serve.api.admin.keys the admin API answers direct calls from this machine only',
)
const MISDIRECTED = jsonErrorReply(421, 'The Host header must name this machine')
const UNAUTHORIZED: Reply = withHeader(
  jsonErrorReply(401, 'Send one of serve.api.admin.keys as a bearer token'),
  'www-authenticate',
  'Bearer',
)
const TOO_MANY_ATTEMPTS = jsonErrorReply(429, 'Too many calls with a wrong key')

function withHeader(reply: Reply, name: string, value: string): Reply {
  return { ...reply, headers: [...reply.headers, [name, value]] }
}
