/** A handler harness with real clients of key sets and OAuth 2.0, and fake authorization servers. */
import { guardSend } from '../../src/clients/guarded_send.ts'
import type { HttpFailure, HttpResponse, OutgoingRequest } from '../../src/clients/http/message.ts'
import { createJwksClient } from '../../src/clients/jwks/client.ts'
import { createOAuth2Client } from '../../src/clients/oauth2/client.ts'
import { millis } from '../../src/lib/time.ts'
import { type FakeClock, fakeClock, seconds } from './clock.ts'
import { createHandlerHarness, type HandlerHarness } from './handler_harness.ts'

export interface OAuthHarness extends HandlerHarness {
  readonly clock: FakeClock
  /** All calls, each as `path body`. */
  calls(): string[]
}

type Reply = Partial<HttpResponse> | HttpFailure
/** Replies by path. A function is called for each request. */
export type Replies = Readonly<Record<string, Reply | ((request: OutgoingRequest) => Reply | Promise<Reply>)>>

export function createOAuthHarness(replies: Replies = {}): OAuthHarness {
  const clock = fakeClock()
  const base = createHandlerHarness()
  const sent: OutgoingRequest[] = []
  async function sendUnlimited(request: OutgoingRequest): Promise<HttpResponse | HttpFailure> {
    sent.push(request)
    const reply = replies[new URL(request.url).pathname]
    if (reply === undefined)
      return { kind: 'failed', cause: 'connect', message: `${request.target}: no connection` }
    const now = typeof reply === 'function' ? await reply(request) : reply
    return now.kind === 'failed' ? now : { kind: 'answered', status: 200, headers: [], body: '', ...now }
  }
  const send = guardSend({
    clock,
    send: sendUnlimited,
    random: () => 0,
    negativeCacheTtl: millis(1_000),
    onShed: () => {},
  })
  const secret = Buffer.from('secret of a test')
  const common = { clock, send, secret, maxEntries: 100, maxBytes: 1e6 }
  const times = { ttl: seconds(30), maxWait: millis(1_000) }
  const keys = createJwksClient({
    ...common,
    fetch: send,
    directory: '/',
    options: times,
    onProblem: () => {},
  })
  const services = { ...base.services, clock, send, jwks: keys, oauth2: createOAuth2Client(common) }
  return {
    ...base,
    services,
    requests: sent,
    clock,
    calls: () => sent.map(({ url, body }) => `${new URL(url).pathname} ${body ?? ''}`),
  }
}

export const jsonReply = (value: unknown, status = 200): Reply => ({ status, body: JSON.stringify(value) })

/** An `inline:` URL that contains a key set. */
export const inlineKeySetUrl = (keys: readonly object[]): string =>
  `inline://${Buffer.from(JSON.stringify({ keys })).toString('base64')}`
