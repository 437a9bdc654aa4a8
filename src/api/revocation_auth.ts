/** Authenticates callers of the revocation route: a key, or a signature over time and body (Standard Webhooks). */
import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { WallTime } from '../lib/time.ts'
import { anyTimingSafeEqual, createKeyCheck } from './key_check.ts'

/** `replayed`: the signature is valid, and this message has arrived before. */
export type SignatureResult = 'valid' | 'replayed' | 'invalid'

export interface RevocationAuth {
  /**
   * Whether the headers have one of the keys: `X-Revocation-Key`, a bearer token, or the password of basic
   * auth.
   */
  hasValidKey(headers: IncomingHttpHeaders): boolean
  /** Whether the headers have a key, valid or not. */
  hasAnyKey(headers: IncomingHttpHeaders): boolean
  /** Whether the headers have a signature. Verifying it needs the body. */
  hasSignature(headers: IncomingHttpHeaders): boolean
  verifySignature(headers: IncomingHttpHeaders, body: Uint8Array): SignatureResult
}

/** Longest difference between the time of a message and ours, as Standard Webhooks recommends. */
const SIGNATURE_TOLERANCE_SECONDS = 300
/** Messages that are kept to recognise replays. Only holders of a key can fill it. */
const MAX_SEEN_SIGNATURES = 100_000
/** Longest id of a message. */
export const MAX_MESSAGE_ID_CHARS = 256

/**
 * Accepts any of `keys`, so that an operator can rotate them: add the new one, change the callers, remove the
 * old one.
 */
export function createRevocationAuth(keys: readonly string[], wall: () => WallTime): RevocationAuth {
  const isKey = createKeyCheck(keys)
  const secrets = keys.map(decodeSecret)
  /** Signature to the second after which its message is too old anyway, in order of arrival. */
  const seenSignatures = new Map<string, number>()

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
    hasAnyKey: headers => headers['x-revocation-key'] !== undefined || headers.authorization !== undefined,
    hasSignature: headers => typeof headers['webhook-signature'] === 'string',
    verifySignature(headers, body) {
      const id = singleValue(headers['webhook-id'])
      const timestamp = singleValue(headers['webhook-timestamp'])
      const sentAt = Number(timestamp)
      if (id === '' || id.length > MAX_MESSAGE_ID_CHARS || !/^\d{1,12}$/.test(timestamp)) return 'invalid'
      if (Math.abs(wall() / 1000 - sentAt) > SIGNATURE_TOLERANCE_SECONDS) return 'invalid'
      const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
      const expected = secrets.map(secret => createHmac('sha256', secret).update(content).digest())
      const isValid = singleValue(headers['webhook-signature'])
        .split(' ')
        .filter(text => text.startsWith('v1,'))
        .slice(0, 10)
        .some(text => anyTimingSafeEqual(Buffer.from(text.slice(3), 'base64'), expected))
      if (!isValid) return 'invalid'
      // The text of the header would not do: several base64 texts decode to the same bytes.
      const signature = (expected[0] as Buffer).toString('base64')
      return isReplay(signature, sentAt + SIGNATURE_TOLERANCE_SECONDS) ? 'replayed' : 'valid'
    },
  }
}

const singleValue = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '')

/** The bytes of a key: base64 after `whsec_`, as Standard Webhooks writes them, else the text itself. */
const decodeSecret = (key: string): Buffer =>
  key.startsWith('whsec_') ? Buffer.from(key.slice('whsec_'.length), 'base64') : Buffer.from(key)

/**
 * A bearer token, or the password of basic auth with any user name. Kratos' web hooks can send the latter.
 */
function keyFromAuthorization(value: string): string {
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S.*)$/.exec(value) ?? []
  if (scheme.toLowerCase() === 'bearer') return credentials
  if (scheme.toLowerCase() !== 'basic') return ''
  const pair = Buffer.from(credentials, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}
