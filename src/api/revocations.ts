/** api/revocations — news that sessions have ended, from Kratos' web hooks or whoever calls its admin API. Knows a secret and a function, no session. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { json, jsonError, type Reply } from './reply.ts'
import type { ApiRequest, Route } from './server.ts'

/** What may be revoked; the session memory takes the same. */
export type Revocation =
  | { readonly kind: 'session'; readonly id: string }
  | { readonly kind: 'identity'; readonly id: string }
  | { readonly kind: 'everything' }

export interface RevocationParts {
  /** Known to those who may send news. */
  readonly secret: string
  readonly revoke: (revocation: Revocation) => void
}

/** Bytes; the news is one id. */
const LARGEST = 16 * 1024
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * `POST /sessions/revocations` with `{"session_id": …}`, `{"identity_id": …}` or `{"everything": true}`. The secret comes
 * as `Authorization: Bearer …` or `X-Revocation-Key` (Kratos' web hooks send API keys in a header). 204 whether anything
 * was remembered or not, so that nobody learns who is logged in (I5).
 */
export function revocationsRoute({ secret, revoke }: RevocationParts): Route {
  const expected = digest(secret)
  return async request => {
    if (request.path !== '/sessions/revocations') return undefined
    if (request.method !== 'POST') return jsonError(405, 'Use POST')
    if (!timingSafeEqual(digest(presented(request)), expected))
      return jsonError(401, 'The key is missing or wrong')
    const text = await readText(request)
    if (text === undefined) return jsonError(413, 'The body is too large')
    const revocation = readRevocation(text)
    if (revocation === undefined) {
      return jsonError(400, 'Send {"session_id": UUID}, {"identity_id": UUID} or {"everything": true}')
    }
    revoke(revocation)
    return NOTHING
  }
}

const NOTHING: Reply = { ...json(204, null), body: '' }

/** Equal lengths, whatever was sent: the comparison tells nothing by its time (I6). */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function presented({ message }: ApiRequest): string {
  const key = message.headers['x-revocation-key']
  if (typeof key === 'string') return key
  return /^Bearer (.+)$/i.exec(message.headers.authorization ?? '')?.[1] ?? ''
}

async function readText({ message }: ApiRequest): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > LARGEST) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size).toString()
}

/** Exactly one of the three, and nothing that could be a misspelt one. */
function readRevocation(text: string): Revocation | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries = Object.entries(value)
  const [name, id] = entries[0] ?? []
  if (entries.length !== 1) return undefined
  if (name === 'everything' && id === true) return { kind: 'everything' }
  if (typeof id !== 'string' || !UUID.test(id)) return undefined
  if (name === 'session_id') return { kind: 'session', id: id.toLowerCase() }
  return name === 'identity_id' ? { kind: 'identity', id: id.toLowerCase() } : undefined
}
