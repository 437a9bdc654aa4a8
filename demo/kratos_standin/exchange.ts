/** An HTTP request and its reply as values, with Kratos' content negotiation and error bodies. */
import type { IncomingMessage } from 'node:http'

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Path and query as received. */
  readonly target: string
  readonly body: string
  /** `address:port` of the peer. */
  readonly remote: string
  /** First value of the header, which is what Kratos reads. */
  header(name: string): string | undefined
  /** All values of a cookie in all Cookie headers, in order, without surrounding double quotes. */
  cookies(name: string): readonly string[]
}

export interface Reply {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

export function exchangeOf(message: IncomingMessage, body: string): Exchange {
  const target = message.url ?? '/'
  const queryStart = target.indexOf('?')
  const lines: [string, string][] = []
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    lines.push([(message.rawHeaders[i] as string).toLowerCase(), message.rawHeaders[i + 1] as string])
  }
  return {
    method: message.method ?? 'GET',
    path: queryStart < 0 ? target : target.slice(0, queryStart),
    query: new URLSearchParams(queryStart < 0 ? '' : target.slice(queryStart + 1)),
    target,
    body,
    remote: `${message.socket.remoteAddress}:${message.socket.remotePort}`,
    header: name => lines.find(([one]) => one === name)?.[1],
    cookies: name =>
      lines
        .filter(([one]) => one === 'cookie')
        .flatMap(([, value]) => value.split(';'))
        .map(pair => /^\s*([^=]+)=(.*?)\s*$/.exec(pair))
        .filter(found => found !== null && found[1] === name)
        .map(found => (found?.[2] ?? '').replace(/^"(.*)"$/, '$1')),
  }
}

/** Kratos' choice between HTML and JSON: the first range that it supports counts, and `*\/*` means a browser. */
export function wantsJson(exchange: Exchange): boolean {
  if (/^application\/json\b/i.test(exchange.header('content-type') ?? '')) return true
  const ranges = (exchange.header('accept') ?? '')
    .split(',')
    .map(range => {
      const [type = '', ...parameters] = range.split(';').map(part => part.trim().toLowerCase())
      const q = parameters.find(one => one.startsWith('q='))?.slice(2)
      return { type, q: q === undefined ? 1 : Number(q) }
    })
    .sort((a, b) => b.q - a.q)
  const preferred = ranges.find(one =>
    ['application/json', 'text/html', 'text/*', '*/*', 'application/*'].includes(one.type),
  )
  return preferred?.type.startsWith('application/') === true
}

const JSON_TYPE = ['content-type', 'application/json; charset=utf-8'] as const

export const json = (status: number, value: unknown, headers: Reply['headers'] = []): Reply => ({
  status,
  headers: [JSON_TYPE, ...headers],
  body: `${JSON.stringify(value)}\n`,
})

export const noContent = (headers: Reply['headers'] = []): Reply => ({ status: 204, headers, body: '' })

/** As Go's http.Redirect: only GET has a body. */
export function redirect(
  exchange: Exchange,
  to: string,
  headers: Reply['headers'] = [],
  status = 303,
): Reply {
  const title = status === 307 ? 'Temporary Redirect' : 'See Other'
  const escaped = to.replaceAll('&', '&amp;').replaceAll('"', '&#34;')
  const page = exchange.method === 'GET'
  return {
    status,
    headers: [
      ['location', to],
      ...(page ? ([['content-type', 'text/html; charset=utf-8']] as const) : []),
      ...headers,
    ],
    body: page ? `<a href="${escaped}">${title}</a>.\n\n` : '',
  }
}

export const pageNotFound: Reply = {
  status: 404,
  headers: [
    ['content-type', 'text/plain; charset=utf-8'],
    ['x-content-type-options', 'nosniff'],
  ],
  body: '404 page not found\n',
}

export interface ApiError {
  readonly id?: string
  readonly code: number
  readonly status: string
  readonly reason?: string
  readonly details?: unknown
  readonly message: string
}

/** Kratos' error body with the request id, and the error's id as a header, which may be empty. */
export function errorReply(exchange: Exchange, error: ApiError, extraMembers: object = {}): Reply {
  const { id, code, status, ...rest } = error
  const request = exchange.header('x-request-id')
  const body = {
    error: {
      ...(id === undefined ? {} : { id }),
      code,
      status,
      ...(request === undefined ? {} : { request }),
      ...rest,
    },
    ...extraMembers,
  }
  return {
    status: code,
    headers: [
      ['content-type', 'application/json'],
      ['ory-error-id', id ?? ''],
    ],
    body: `${JSON.stringify(body)}\n`,
  }
}

/** Fields of a JSON or form body; empty for another body. */
export function fieldsOf(exchange: Exchange): Readonly<Record<string, unknown>> {
  if (/^application\/json\b/i.test(exchange.header('content-type') ?? '')) {
    try {
      const value: unknown = JSON.parse(exchange.body)
      return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
    } catch {
      return {}
    }
  }
  return Object.fromEntries(new URLSearchParams(exchange.body))
}
