/** api/revocation_keys — who may send news: a key in a header, as basic auth's password, or a signature over time and body (Standard Webhooks). Knows keys, no session. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { WallTime } from '../lib/time.ts'

/** `repeated`: this very message has come before. */
export type SignatureResult = 'good' | 'repeated' | 'bad'

export interface RevocationAuth {
  /** One of the keys stands in the headers. */
  hasValidKey(headers: IncomingHttpHeaders): boolean
  /** The headers claim a signature; what it is worth needs the body. */
  hasSignature(headers: IncomingHttpHeaders): boolean
  verifySignature(headers: IncomingHttpHeaders, body: Uint8Array): SignatureResult
}

/** Seconds to either side, as Standard Webhooks has it: an older message is a replay, or of a clock that is wrong. */
const SIGNATURE_TOLERANCE_SECONDS = 300
/** Messages that are remembered within it; only holders of a key can fill this. */
const MAX_SEEN_SIGNATURES = 100_000
/** Longest id that is looked at. */
const MAX_MESSAGE_ID_CHARS = 256

/** Any of `keys` is as good as another, so that they can be exchanged one after the other. */
export function createRevocationAuth(keys: readonly string[], wall: () => WallTime): RevocationAuth {
  const digests = keys.map(digest)
  const secrets = keys.map(decodeSecret)
  /** Signature → the second after which its message is too old anyway. In order of arrival. */
  const seenSignatures = new Map<string, number>()

  const isKey = (text: string): boolean => anyTimingSafeEqual(digest(text), digests)

  function isReplay(signature: string, expiresAt: number): boolean {
    if (seenSignatures.has(signature)) return true
    seenSignatures.set(signature, expiresAt)
    for (const [oldest, oldestExpiresAt] of seenSignatures) {
      if (oldestExpiresAt >= wall() / 1000 && seenSignatures.size <= MAX_SEEN_SIGNATURES) break
      seenSignatures.delete(oldest)
    }
    return false
  }

  return {
    hasValidKey(headers) {
      const key = headers['x-revocation-key']
      return isKey(typeof key === 'string' ? key : keyFromAuthorization(headers.authorization ?? ''))
    },
    hasSignature: headers => typeof headers['webhook-signature'] === 'string',
    verifySignature(headers, body) {
      const id = singleValue(headers['webhook-id'])
      const timestamp = singleValue(headers['webhook-timestamp'])
      const sent = Number(timestamp)
      if (id === '' || id.length > MAX_MESSAGE_ID_CHARS || !/^\d{1,12}$/.test(timestamp)) return 'bad'
      if (Math.abs(wall() / 1000 - sent) > SIGNATURE_TOLERANCE_SECONDS) return 'bad'
      const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
      const expected = secrets.map(secret => createHmac('sha256', secret).update(content).digest())
      const good = singleValue(headers['webhook-signature'])
        .split(' ')
        .filter(text => text.startsWith('v1,'))
        .slice(0, 10)
        .some(text => anyTimingSafeEqual(Buffer.from(text.slice(3), 'base64'), expected))
      if (!good) return 'bad'
      // Of the content, not of the header: base64 has several spellings for the same bytes.
      return isReplay((expected[0] as Buffer).toString('base64'), sent + SIGNATURE_TOLERANCE_SECONDS)
        ? 'repeated'
        : 'good'
    },
  }
}

const singleValue = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '')

/** Equal lengths, whatever was sent: the comparison tells nothing by its time (I6). */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Looks at all of them, so that its time does not tell which one it was. */
function anyTimingSafeEqual(given: Buffer, known: readonly Buffer[]): boolean {
  let found = false
  for (const one of known) {
    const equal = given.length === one.length && timingSafeEqual(given, one)
    found ||= equal
  }
  return found
}

/** `whsec_` and base64 as Standard Webhooks writes them, or any text. */
const decodeSecret = (key: string): Buffer =>
  key.startsWith('whsec_') ? Buffer.from(key.slice('whsec_'.length), 'base64') : Buffer.from(key)

/** A bearer token, or the password of basic auth with any user; Kratos' web hooks can send the latter. */
function keyFromAuthorization(value: string): string {
  const [, scheme = '', rest = ''] = /^(\S+) +(\S.*)$/.exec(value) ?? []
  if (scheme.toLowerCase() === 'bearer') return rest
  if (scheme.toLowerCase() !== 'basic') return ''
  const pair = Buffer.from(rest, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}
