/** api/revocation_body — what news says: JSON text → whose sessions end. Strict: nothing that could be a misspelt revocation passes. Knows no socket and no memory. */
import type { WallTime } from '../lib/time.ts'
import { parseTimestamp } from '../lib/timestamp.ts'
import type { RevocationTarget } from '../sessions/types.ts'

/** For whoever sent something else; repeats nothing of it. */
export const REVOCATION_BODY_HELP =
  'Send {"session_id": UUID}, {"identity_id": UUID, "keep_session_id"?: UUID}, {"credential": text} or {"everything": true, "before"?: RFC 3339, not in the future}'

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Kratos' id of a session that is not stored yet: at a login its hooks see no other. */
const NIL_UUID = '00000000-0000-0000-0000-000000000000'
/** Characters; a cookie that Envoy lets through is shorter. */
const MAX_CREDENTIAL_CHARS = 8192
/** ms. The sender's clock may be ahead of ours. */
const MAX_CLOCK_SKEW_MS = 60_000

/** `undefined` for whatever is not exactly one revocation. */
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

/** A flow without a session has null or the nil UUID to keep: then nothing is kept. */
function parseIdentityRevocation(identity: unknown, keepSession: unknown): RevocationTarget | undefined {
  const id = parseUuid(identity)
  if (id === undefined) return undefined
  if (keepSession === null || keepSession === NIL_UUID) return { kind: 'identity', id }
  const keep = parseUuid(keepSession)
  return keep === undefined ? undefined : { kind: 'identity', id, keep }
}

/** In lower case, as Kratos writes them. */
const parseUuid = (value: unknown): string | undefined =>
  typeof value === 'string' && UUID.test(value) && value !== NIL_UUID ? value.toLowerCase() : undefined
