/** Parses the body of a revocation. It is strict: a misspelt key must not revoke less than its sender meant. */
import type { WallTime } from '../lib/time.ts'
import { parseTimestamp } from '../lib/timestamp.ts'
import type { RevocationTarget } from '../sessions/types.ts'

/** The message for an invalid body. It quotes nothing of the body, which may hold a credential. */
export const REVOCATION_BODY_HELP =
  'Send {"session_id": UUID}, {"identity_id": UUID, "keep_session_id"?: UUID}, {"credential": text} or {"everything": true, "before"?: RFC 3339, not in the future}'

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Kratos' id of a session that is not stored yet. Its hooks see this id at a login. */
const NIL_UUID = '00000000-0000-0000-0000-000000000000'
/** Longest credential. By Envoy's default limits no cookie is longer. */
const MAX_CREDENTIAL_CHARS = 8192
/** How far the clock of the sender may be ahead. */
const MAX_CLOCK_SKEW_MS = 60_000

/** The revocation, or `undefined` where the text is not exactly one. `now` bounds the time in `before`. */
export function parseRevocation(text: string, now: WallTime): RevocationTarget | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const fields = new Map<string, unknown>(Object.entries(value))
  switch ([...fields.keys()].sort().join(' ')) {
    case 'session_id': {
      const id = parseUuid(fields.get('session_id'))
      return id === undefined ? undefined : { kind: 'session', id }
    }
    case 'identity_id': {
      const id = parseUuid(fields.get('identity_id'))
      return id === undefined ? undefined : { kind: 'identity', id }
    }
    case 'identity_id keep_session_id':
      return parseIdentityRevocation(fields.get('identity_id'), fields.get('keep_session_id'))
    case 'credential': {
      const credential = fields.get('credential')
      if (typeof credential !== 'string' || credential === '' || credential.length > MAX_CREDENTIAL_CHARS)
        return undefined
      return { kind: 'credential', value: credential }
    }
    case 'everything':
      return fields.get('everything') === true ? { kind: 'everything' } : undefined
    case 'before everything': {
      const before = fields.get('before')
      const time = typeof before === 'string' ? parseTimestamp(before) : undefined
      if (fields.get('everything') !== true || time === undefined || time > now + MAX_CLOCK_SKEW_MS)
        return undefined
      return { kind: 'everything', before: time }
    }
    default:
      return undefined
  }
}

/** A flow without a session sends null or the nil UUID as the session to keep; then no session is kept. */
function parseIdentityRevocation(identity: unknown, keepSession: unknown): RevocationTarget | undefined {
  const id = parseUuid(identity)
  if (id === undefined) return undefined
  if (keepSession === null || keepSession === NIL_UUID) return { kind: 'identity', id }
  const keep = parseUuid(keepSession)
  return keep === undefined ? undefined : { kind: 'identity', id, keep }
}

/** A UUID in lower case, as Kratos writes it. */
const parseUuid = (value: unknown): string | undefined =>
  typeof value === 'string' && UUID.test(value) && value !== NIL_UUID ? value.toLowerCase() : undefined
