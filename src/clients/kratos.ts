/** Clients of Ory Kratos: whoami over the shared HTTP client, and the admin API through Ory's own client. */
import type { IdentityApi, Session } from '@ory/client'
import type { Millis } from '../lib/time.ts'
import type { HeaderPair, HttpFailure, HttpResponse, Send } from './http/message.ts'

/** One call of whoami. */
export interface WhoamiRequest {
  /** Absolute URL, used unchanged. */
  readonly url: string
  /** Static headers of the configuration. Headers in `KRATOS_CREDENTIAL_HEADERS` are not sent. */
  readonly headers: readonly HeaderPair[]
  readonly credential: {
    readonly kind: 'cookie' | 'token'
    /** The cookie's name. */
    readonly name: string
    readonly value: string
  }
  /** Called before the retry; `false` prevents it. */
  readonly mayRetry?: () => boolean
  /** Low-cardinality name for the span and for metrics. Default `kratos.whoami`. */
  readonly target?: string
}

/** One call of Kratos' `/sessions/whoami` with exactly one credential. */
export type Whoami = (request: WhoamiRequest) => Promise<HttpResponse | HttpFailure>

/**
 * With two credentials in one call Kratos answers 500, or sets the cookie of one user in the browser of
 * another (docs/security-cases.md, C1 and J12).
 */
export const KRATOS_CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'x-session-token',
])

/**
 * `timeout` limits the whole call, in ms. The call is retried once if the connection fails before the first
 * byte of a response. Never rejects.
 */
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

/** The outcome of a call of the admin API. */
export type AdminResult<T> =
  | { readonly kind: 'found'; readonly body: T }
  /** Any status but 200. 404: the session was deleted. 500: the database of Kratos fails. */
  | { readonly kind: 'refused'; readonly status: number }
  | HttpFailure

const NOT_JSON: HttpFailure = { kind: 'failed', cause: 'malformed', message: 'kratos.admin: not JSON' }
/** Axios returns an HTML page as a string. */
const isObject = (data: unknown): boolean => typeof data === 'object' && data !== null

export interface KratosAdmin {
  /** Reads a session with its identity, whose `state` matters as well. Never rejects. */
  getSession(id: string): Promise<AdminResult<Session>>
  /** Loads Ory's client before the first call, which otherwise pays for it during an outage. */
  preload(): Promise<void>
}

/** The part of an axios request that the adapter reads. */
interface AxiosRequest {
  readonly method?: string
  readonly url?: string
  readonly headers: { toJSON(): Readonly<Record<string, unknown>> }
  readonly data?: unknown
}

/** Ends a call inside axios. An AxiosError would carry the request headers in its `config`. */
class AdminCallError extends Error {
  readonly failure: HttpFailure
  constructor(failure: HttpFailure) {
    super(failure.message)
    this.failure = failure
  }
}

/**
 * `url` is the origin of the admin port, `timeout` the limit of one call in ms. Ory's client loads with the
 * first call (about 50 ms and 20 MB). It sends through `send`, so the pools and limits of all other calls
 * apply.
 */
export function createKratosAdmin(dependencies: { url: string; send: Send; timeout: Millis }): KratosAdmin {
  const { url, send, timeout } = dependencies
  let api: Promise<IdentityApi> | undefined

  async function adapter({ method = 'get', url: requestUrl = '', headers, data }: AxiosRequest) {
    const response = await send({
      method: method.toUpperCase(),
      url: requestUrl,
      headers: Object.entries(headers.toJSON()).map(([name, value]) => [name, String(value)] as const),
      ...(typeof data === 'string' ? { body: data } : {}),
      timeout,
      retries: 1,
      target: 'kratos.admin',
    })
    if (response.kind === 'failed') throw new AdminCallError(response)
    return { data: response.body, status: response.status, statusText: '', headers: {}, config: {} }
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
