/** test/fakes/oauth_world — a world whose key sets are real and whose authorization servers say what the test wrote. */
import type { Answered, Failed, OutgoingRequest } from '../../src/clients/http/message.ts'
import { createKeys } from '../../src/clients/jwks/keys.ts'
import { createOAuth2 } from '../../src/clients/oauth2/client.ts'
import { millis } from '../../src/lib/time.ts'
import { type FakeClock, fakeClock, seconds } from './clock.ts'
import { type World, worldWith } from './services.ts'

export interface OAuthWorld extends World {
  readonly clock: FakeClock
  /** Bodies of the calls so far, as `path body`. */
  calls(): string[]
}

type Reply = Partial<Answered> | Failed
/** What a path answers; a function is asked each time. */
export type Replies = Readonly<Record<string, Reply | ((request: OutgoingRequest) => Reply | Promise<Reply>)>>

export function oauthWorld(replies: Replies = {}): OAuthWorld {
  const clock = fakeClock()
  const base = worldWith()
  const sent: OutgoingRequest[] = []
  async function send(request: OutgoingRequest): Promise<Answered | Failed> {
    sent.push(request)
    const reply = replies[new URL(request.url).pathname]
    if (reply === undefined)
      return { kind: 'failed', cause: 'connect', message: `${request.target}: no connection` }
    const now = typeof reply === 'function' ? await reply(request) : reply
    return now.kind === 'failed' ? now : { kind: 'answered', status: 200, headers: [], body: '', ...now }
  }
  const secret = Buffer.from('of this process')
  const common = { clock, send, secret, entries: 100 }
  const times = { ttl: seconds(30), maxWait: millis(1_000) }
  const keys = createKeys({ ...common, fetch: send, directory: '/', times, report: () => {} })
  const services = { ...base.services, clock, send, keys, oauth2: createOAuth2(common) }
  return {
    ...base,
    services,
    sent,
    clock,
    calls: () => sent.map(({ url, body }) => `${new URL(url).pathname} ${body ?? ''}`),
  }
}

export const json = (value: unknown, status = 200): Reply => ({ status, body: JSON.stringify(value) })

/** A key set in its own URL. */
export const inlineSet = (keys: readonly object[]): string =>
  `inline://${Buffer.from(JSON.stringify({ keys })).toString('base64')}`
