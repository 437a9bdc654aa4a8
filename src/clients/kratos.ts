/** clients/kratos — what Ory Kratos says: whoami over our own pools, the admin API through Ory's client. Reports, interprets nothing. The only importer of @ory/client. */
import type { IdentityApi, Session } from '@ory/client'
import type { Millis } from '../lib/time.ts'
import type { Answered, Failed, HeaderPair, Send } from './http/message.ts'

export interface WhoamiQuestion {
  /** Absolute; asked exactly as it stands. */
  readonly url: string
  /** Static headers of the configuration; one that carries a credential is left out. */
  readonly headers: readonly HeaderPair[]
  readonly credential: {
    readonly kind: 'cookie' | 'token'
    /** The cookie's name. */
    readonly name: string
    readonly value: string
  }
  /** Has the last word on the second try. */
  readonly mayRetry?: () => boolean
  /** Low-cardinality name for span and metrics; `kratos.whoami` unless said otherwise. */
  readonly target?: string
}

export type Whoami = (question: WhoamiQuestion) => Promise<Answered | Failed>

/** Two credentials in one call are a 500, or one user's cookie for another's browser (C1, J12). */
export const KRATOS_CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'x-session-token'])

/** Never rejects. `timeout` is for the whole call; it is tried again once when the connection ends before any byte. */
export function createWhoami({ send, timeout }: { send: Send; timeout: Millis }): Whoami {
  return ({ url, headers, credential: { kind, name, value }, mayRetry, target = 'kratos.whoami' }) => {
    const others = headers.filter(([header]) => !KRATOS_CREDENTIALS.has(header.toLowerCase()))
    const credential: HeaderPair =
      kind === 'cookie' ? ['cookie', `${name}=${value}`] : ['x-session-token', value]
    return send({
      method: 'GET',
      url,
      headers: [['accept', 'application/json'], ...others, credential],
      timeout,
      retries: 1,
      ...(mayRetry === undefined ? {} : { mayRetry }),
      target,
    })
  }
}

export type AdminAnswer<T> =
  | { readonly kind: 'found'; readonly body: T }
  /** Any status but 200: 404 is a session that was deleted, 500 a sick database (kratos 2.3). */
  | { readonly kind: 'refused'; readonly status: number }
  | Failed

const notJson: Failed = { kind: 'failed', cause: 'malformed', message: 'kratos.admin: not JSON' }
/** axios hands on a page of HTML as a string. */
const isObject = (data: unknown): boolean => typeof data === 'object' && data !== null

export interface KratosAdmin {
  /** With its identity, whose state counts as well. */
  session(id: string): Promise<AdminAnswer<Session>>
  /** Loads Ory's client ahead of the first call, which may come in a bad moment. */
  load(): Promise<void>
}

/** What of an axios request we read, and what axios reads of an answer. */
interface AxiosCall {
  readonly method?: string
  readonly url?: string
  readonly headers: { toJSON(): Readonly<Record<string, unknown>> }
  readonly data?: unknown
}

/** Ends a call inside axios without an AxiosError, whose `config` would carry the headers. */
class NoAnswer extends Error {
  readonly failure: Failed
  constructor(failure: Failed) {
    super(failure.message)
    this.failure = failure
  }
}

/**
 * `url` is the origin of the admin port. Ory's client is loaded with the first call (about 50 ms and 20 MB) and speaks
 * through `send`: pools, limits, no proxy and no redirects are those of every other call.
 */
export function createKratosAdmin(parts: { url: string; send: Send; timeout: Millis }): KratosAdmin {
  const { url, send, timeout } = parts
  let api: Promise<IdentityApi> | undefined

  async function adapter({ method = 'get', url: target = '', headers, data }: AxiosCall) {
    const answer = await send({
      method: method.toUpperCase(),
      url: target,
      headers: Object.entries(headers.toJSON()).map(([name, value]) => [name, String(value)] as const),
      ...(typeof data === 'string' ? { body: data } : {}),
      timeout,
      retries: 1,
      target: 'kratos.admin',
    })
    if (answer.kind === 'failed') throw new NoAnswer(answer)
    return { data: answer.body, status: answer.status, statusText: '', headers: {}, config: {} }
  }

  async function load(): Promise<IdentityApi> {
    const { Configuration, IdentityApi } = await import('@ory/client')
    const basePath = url.replace(/\/+$/, '')
    return new IdentityApi(new Configuration({ basePath, baseOptions: { adapter } }))
  }

  return {
    async load() {
      api ??= load()
      await api
    },
    async session(id) {
      api ??= load()
      try {
        const { status, data } = await (await api).getSession({ id, expand: ['identity'] })
        if (status !== 200) return { kind: 'refused', status }
        return isObject(data) ? { kind: 'found', body: data } : notJson
      } catch (error) {
        if (error instanceof NoAnswer) return error.failure
        return { kind: 'failed', cause: 'malformed', message: 'kratos.admin: the call could not be made' }
      }
    },
  }
}
