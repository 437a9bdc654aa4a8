/** api/revocation_keys — who may send news: a key in a header, as basic auth's password, or a signature over time and body (Standard Webhooks). Knows keys, no session. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { WallTime } from '../lib/time.ts'

/** `repeated`: this very message has come before. */
export type Signed = 'good' | 'repeated' | 'bad'

export interface RevocationKeys {
  /** One of the keys stands in the headers. */
  present(headers: IncomingHttpHeaders): boolean
  /** The headers claim a signature; what it is worth needs the body. */
  claimSigned(headers: IncomingHttpHeaders): boolean
  judge(headers: IncomingHttpHeaders, body: Uint8Array): Signed
}

/** Seconds to either side, as Standard Webhooks has it: an older message is a replay, or of a clock that is wrong. */
const WINDOW = 300
/** Messages that are remembered within it; only holders of a key can fill this. */
const MOST_SEEN = 100_000
/** Longest id that is looked at. */
const LONGEST_ID = 256

/** Any of `keys` is as good as another, so that they can be exchanged one after the other. */
export function createRevocationKeys(keys: readonly string[], wall: () => WallTime): RevocationKeys {
  const digests = keys.map(digest)
  const secrets = keys.map(secretOf)
  /** Signature → the second after which its message is too old anyway. In order of arrival. */
  const seen = new Map<string, number>()

  const isKey = (text: string): boolean => someEqual(digest(text), digests)

  function seenBefore(signature: string, until: number): boolean {
    if (seen.has(signature)) return true
    seen.set(signature, until)
    for (const [oldest, end] of seen) {
      if (end >= wall() / 1000 && seen.size <= MOST_SEEN) break
      seen.delete(oldest)
    }
    return false
  }

  return {
    present(headers) {
      const key = headers['x-revocation-key']
      return isKey(typeof key === 'string' ? key : fromAuthorization(headers.authorization ?? ''))
    },
    claimSigned: headers => typeof headers['webhook-signature'] === 'string',
    judge(headers, body) {
      const id = one(headers['webhook-id'])
      const timestamp = one(headers['webhook-timestamp'])
      const sent = Number(timestamp)
      if (id === '' || id.length > LONGEST_ID || !/^\d{1,12}$/.test(timestamp)) return 'bad'
      if (Math.abs(wall() / 1000 - sent) > WINDOW) return 'bad'
      const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
      const expected = secrets.map(secret => createHmac('sha256', secret).update(content).digest())
      const good = one(headers['webhook-signature'])
        .split(' ')
        .filter(text => text.startsWith('v1,'))
        .slice(0, 10)
        .some(text => someEqual(Buffer.from(text.slice(3), 'base64'), expected))
      if (!good) return 'bad'
      // Of the content, not of the header: base64 has several spellings for the same bytes.
      return seenBefore((expected[0] as Buffer).toString('base64'), sent + WINDOW) ? 'repeated' : 'good'
    },
  }
}

const one = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '')

/** Equal lengths, whatever was sent: the comparison tells nothing by its time (I6). */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Looks at all of them, so that its time does not tell which one it was. */
function someEqual(given: Buffer, known: readonly Buffer[]): boolean {
  let found = false
  for (const one of known) {
    const equal = given.length === one.length && timingSafeEqual(given, one)
    found ||= equal
  }
  return found
}

/** `whsec_` and base64 as Standard Webhooks writes them, or any text. */
const secretOf = (key: string): Buffer =>
  key.startsWith('whsec_') ? Buffer.from(key.slice('whsec_'.length), 'base64') : Buffer.from(key)

/** A bearer token, or the password of basic auth with any user; Kratos' web hooks can send the latter. */
function fromAuthorization(value: string): string {
  const [, scheme = '', rest = ''] = /^(\S+) +(\S.*)$/.exec(value) ?? []
  if (scheme.toLowerCase() === 'bearer') return rest
  if (scheme.toLowerCase() !== 'basic') return ''
  const pair = Buffer.from(rest, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}
