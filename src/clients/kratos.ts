/** clients/kratos — what Ory Kratos says: whoami over our own pools, the admin API through Ory's client. Reports, interprets nothing. The only importer of @ory/client. */
import type { IdentityApi, Session } from '@ory/client'
import type { Millis } from '../lib/time.ts'
import type { HeaderPair, HttpFailure, HttpResponse, Send } from './http/message.ts'

export interface WhoamiRequest {
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

export type Whoami = (question: WhoamiRequest) => Promise<HttpResponse | HttpFailure>

/** Two credentials in one call are a 500, or one user's cookie for another's browser (C1, J12). */
export const KRATOS_CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'x-session-token',
])

/** Never rejects. `timeout` is for the whole call; it is tried again once when the connection ends before any byte. */
export function createWhoami({ send, timeout }: { send: Send; timeout: Millis }): Whoami {
  return ({ url, headers, credential: { kind, name, value }, mayRetry, target = 'kratos.whoami' }) => {
    const others = headers.filter(([header]) => !KRATOS_CREDENTIAL_HEADERS.has(header.toLowerCase()))
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

export type AdminResult<T> =
  | { readonly kind: 'found'; readonly body: T }
  /** Any status but 200: 404 is a session that was deleted, 500 a sick database (kratos 2.3). */
  | { readonly kind: 'refused'; readonly status: number }
  | HttpFailure

const NOT_JSON: HttpFailure = { kind: 'failed', cause: 'malformed', message: 'kratos.admin: not JSON' }
/** axios hands on a page of HTML as a string. */
const isObject = (data: unknown): boolean => typeof data === 'object' && data !== null

export interface KratosAdmin {
  /** With its identity, whose state counts as well. */
  getSession(id: string): Promise<AdminResult<Session>>
  /** Loads Ory's client ahead of the first call, which may come in a bad moment. */
  preload(): Promise<void>
}

/** What of an axios request we read, and what axios reads of an answer. */
interface AxiosRequest {
  readonly method?: string
  readonly url?: string
  readonly headers: { toJSON(): Readonly<Record<string, unknown>> }
  readonly data?: unknown
}

/** Ends a call inside axios without an AxiosError, whose `config` would carry the headers. */
class AdminCallError extends Error {
  readonly failure: HttpFailure
  constructor(failure: HttpFailure) {
    super(failure.message)
    this.failure = failure
  }
}

/**
 * `url` is the origin of the admin port. Ory's client is loaded with the first call (about 50 ms and 20 MB) and speaks
 * through `send`: pools, limits, no proxy and no redirects are those of every other call.
 */
export function createKratosAdmin(dependencies: { url: string; send: Send; timeout: Millis }): KratosAdmin {
  const { url, send, timeout } = dependencies
  let api: Promise<IdentityApi> | undefined

  async function adapter({ method = 'get', url: requestUrl = '', headers, data }: AxiosRequest) {
    const answer = await send({
      method: method.toUpperCase(),
      url: requestUrl,
      headers: Object.entries(headers.toJSON()).map(([name, value]) => [name, String(value)] as const),
      ...(typeof data === 'string' ? { body: data } : {}),
      timeout,
      retries: 1,
      target: 'kratos.admin',
    })
    if (answer.kind === 'failed') throw new AdminCallError(answer)
    return { data: answer.body, status: answer.status, statusText: '', headers: {}, config: {} }
  }

  async function loadApi(): Promise<IdentityApi> {
    const { Configuration, IdentityApi } = await import('@ory/client')
    const basePath = url.replace(/\/+$/, '')
    return new IdentityApi(new Configuration({ basePath, baseOptions: { adapter } }))
  }

  return {
    async preload() {
      api ??= loadApi()
      await api
    },
    async getSession(id) {
      api ??= loadApi()
      try {
        const { status, data } = await (await api).getSession({ id, expand: ['identity'] })
        if (status !== 200) return { kind: 'refused', status }
        return isObject(data) ? { kind: 'found', body: data } : NOT_JSON
      } catch (error) {
        if (error instanceof AdminCallError) return error.failure
        return { kind: 'failed', cause: 'malformed', message: 'kratos.admin: the call could not be made' }
      }
    },
  }
}
