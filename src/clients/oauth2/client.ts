/** clients/oauth2 — introspection and client credentials over our own pools: raw typed answers, remembered where the asker says so. Interprets nothing. */
import { type Cache, createCache } from '../../lib/cache.ts'
import { createTupleHash, type TuplePart } from '../../lib/key_hash.ts'
import { between, type Clock, type Instant, type Millis, millis } from '../../lib/time.ts'
import { within } from '../../lib/with_timeout.ts'
import type { Failed, HeaderPair, Send } from '../http/message.ts'
import { type AccessToken, type Introspection, readIntrospection } from './responses.ts'
import {
  type Client,
  createTokenCalls,
  form,
  MALFORMED,
  type Malformed,
  postForm,
  type Refused,
  type Remembered,
  type TokenAnswer,
} from './token_request.ts'

interface Asking {
  /** Longest time that an answer may be believed, ms; 0 neither reads nor fills the memory. */
  readonly maxAge: Millis
  /** When the asker has to answer; the call itself goes on. */
  readonly deadline: Instant
}

export interface IntrospectionQuestion extends Asking {
  readonly url: string
  readonly token: string
  /** Sent as `scope`, also when empty; `undefined`: not sent. */
  readonly scope: string | undefined
  /** Names in lower case; the content type is ours. */
  readonly headers: readonly HeaderPair[]
  /** Whose access token authorizes the call. */
  readonly preAuthorization: Client | undefined
}

export type IntrospectionAnswer =
  | { readonly kind: 'introspected'; readonly answer: Introspection; readonly cache: Remembered }
  /** The token for the call itself could not be had. */
  | { readonly kind: 'not authorized' }
  | Refused
  | Malformed
  | Failed

type Awaitable<T> = T | Promise<T>

export interface OAuth2 {
  /** RFC 7662. At once where the answer is remembered; only an `active` one is. Never rejects. */
  introspect(question: IntrospectionQuestion): Awaitable<IntrospectionAnswer>
  /**
   * RFC 6749 §4.4 with HTTP Basic: whether these are the credentials of a client. Never rejects. `maxAge` undefined: as
   * long as the token is good, an hour if it names no end; with a `maxAge` a token without an end is not remembered.
   */
  clientToken(
    client: Client,
    asking: { readonly maxAge: Millis | undefined; readonly deadline: Instant },
  ): Awaitable<TokenAnswer>
}

export interface OAuth2Parts {
  readonly clock: Clock
  readonly send: Send
  /** Of this process; keys what is remembered (C6). */
  readonly secret: Uint8Array
  /** Most answers of each kind that are remembered. */
  readonly entries: number
}

/** A token is not used in its last seconds, ms. */
const RESERVE = 10_000
/** Of a token that names no end, ms. */
const NO_END = 3_600_000

const NOT_AUTHORIZED = Object.freeze({ kind: 'not authorized' } as const)

const AS_LONG_AS_GOOD = millis(Number.MAX_SAFE_INTEGER)

interface Kept<T> {
  readonly value: T
  readonly askedAt: Instant
}

export function createOAuth2({ clock, send, secret, entries }: OAuth2Parts): OAuth2 {
  const keyOf = createTupleHash(secret)
  const tokens = createTokenCalls(send)
  const introspections: Cache<IntrospectionAnswer, Kept<Introspection>> = createCache({ clock, entries })
  const clients: Cache<TokenAnswer, Kept<AccessToken>> = createCache({ clock, entries })
  /** Access tokens of our own, for pre-authorization. */
  const own: Cache<TokenAnswer, AccessToken> = createCache({ clock, entries })
  async function ownToken(client: Client, key: string): Promise<AccessToken | undefined> {
    const known = own.get(key)
    if (known !== undefined) return known
    const answer = await own.ask(key, {
      ask: () => tokens.fetchEitherWay(client),
      keep: made =>
        made.kind === 'token'
          ? { value: made.token, ttl: millis(lifetimeOf(made.token) - RESERVE) }
          : undefined,
    }).answer
    return answer.kind === 'token' ? answer.token : undefined
  }

  async function introspectNow(question: IntrospectionQuestion): Promise<IntrospectionAnswer> {
    const { url, token, scope, headers, preAuthorization: client } = question
    let authorized = headers.filter(([name]) => name !== 'content-type')
    const ours = client === undefined ? '' : keyOf(partsOf(client))
    if (client !== undefined) {
      const access = await ownToken(client, ours)
      if (access === undefined) return NOT_AUTHORIZED
      authorized = authorized.filter(([name]) => name !== 'authorization')
      authorized.push(['authorization', `Bearer ${access.accessToken}`])
    }
    const body = form([
      ['scope', scope],
      ['token', token],
    ])
    const answer = await postForm(send, url, authorized, body, 'introspection')
    if (answer.kind === 'failed') return answer
    // Our own token may have been withdrawn: the next call gets a new one.
    if (answer.status === 401 && client !== undefined) own.evict(ours)
    if (answer.status !== 200) return { kind: 'refused', status: answer.status, headers: answer.headers }
    const read = readIntrospection(answer.body)
    return read === undefined ? MALFORMED : { kind: 'introspected', answer: read, cache: 'miss' }
  }

  /** One who waits leaves when his time is over. */
  const inTime = <T>(answer: Promise<T>, deadline: Instant, target: string): Promise<T | Failed> =>
    within(answer, between(clock.now(), deadline), {
      kind: 'failed',
      cause: 'deadline',
      message: `${target}: no answer before the caller had to answer`,
    })

  function remembered<T>(cache: Cache<unknown, Kept<T>>, key: string, maxAge: Millis): T | undefined {
    const kept = maxAge > 0 ? cache.get(key) : undefined
    return kept !== undefined && between(kept.askedAt, clock.now()) < maxAge ? kept.value : undefined
  }

  return {
    introspect(question) {
      const { url, token, scope, headers, preAuthorization: client, maxAge, deadline } = question
      const pairs = headers.map(pair => [...pair])
      // C4: an answer belongs to the server and to everything that was said to it.
      const key = keyOf([url, token, scope, pairs, client && partsOf(client), maxAge > 0])
      const known = remembered(introspections, key, maxAge)
      if (known !== undefined) return { kind: 'introspected', answer: known, cache: 'hit' }
      const askedAt = clock.now()
      const { answer, joined } = introspections.ask(key, {
        ask: () => introspectNow(question),
        keep: made => {
          if (maxAge <= 0 || made.kind !== 'introspected' || !made.answer.active) return undefined
          const { exp } = made.answer
          const left = exp > 0 ? exp * 1000 - clock.wall() : maxAge
          return { value: { value: made.answer, askedAt }, ttl: millis(Math.min(maxAge, left)) }
        },
      })
      return inTime(answer.then(marked(joined, maxAge)), deadline, 'introspection')
    },
    clientToken(client, { maxAge: wanted, deadline }) {
      const maxAge = wanted ?? AS_LONG_AS_GOOD
      const key = keyOf([...partsOf(client), maxAge > 0])
      const known = remembered(clients, key, maxAge)
      if (known !== undefined) return { kind: 'token', token: known, cache: 'hit' }
      const askedAt = clock.now()
      const { answer, joined } = clients.ask(key, {
        ask: () => tokens.fetch(client, 'header'),
        keep: made => {
          if (maxAge <= 0 || made.kind !== 'token') return undefined
          if (made.token.expiresIn === undefined && wanted !== undefined) return undefined
          const ttl = millis(Math.min(maxAge, lifetimeOf(made.token)))
          return { value: { value: made.token, askedAt }, ttl }
        },
      })
      return inTime(answer.then(marked(joined, maxAge)), deadline, 'oauth2.token')
    },
  }
}

const marked =
  (joined: boolean, maxAge: Millis) =>
  <A extends { readonly kind: string }>(answer: A): A =>
    'cache' in answer ? { ...answer, cache: joined ? 'shared' : maxAge > 0 ? 'miss' : 'off' } : answer

const lifetimeOf = ({ expiresIn }: AccessToken): number =>
  expiresIn === undefined ? NO_END : expiresIn * 1000

const partsOf = ({ tokenUrl, id, secret, scopes, audience }: Client): readonly TuplePart[] => [
  tokenUrl,
  id,
  secret,
  scopes,
  audience,
]
