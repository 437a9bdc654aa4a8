/** The request line, cookies and request id of a request, read in one way for all transports. */
import { type Cookie, cookieValues, parseCookies } from './cookies.ts'
import { sanitizeRequestId } from './request_id.ts'
import type { RequestLine } from './request_line.ts'

/** What the requests of all transports have in common. A transport adds its headers, body and connection. */
export abstract class RequestHead {
  readonly method: string
  readonly scheme: string
  readonly host: string
  readonly authority: string
  readonly path: string
  readonly rawPath: string
  readonly query: string
  #cookieLines: readonly string[] | undefined
  #cookies: readonly Cookie[] | undefined

  constructor({ method, scheme, host, authority, path, rawPath, query }: RequestLine) {
    this.method = method
    this.scheme = scheme
    this.host = host
    this.authority = authority
    this.path = path
    this.rawPath = rawPath
    this.query = query
  }

  /** The first line of a header; `name` is in lower case. */
  abstract header(name: string): string | undefined
  /** All lines of a header, in order; `name` is in lower case. */
  abstract headerValues(name: string): readonly string[]

  get requestId(): string {
    return sanitizeRequestId(this.header('x-request-id'))
  }
  cookies(): readonly Cookie[] {
    this.#cookies ??= parseCookies(this.#linesOfCookies())
    return this.#cookies
  }
  cookie(name: string): string | undefined {
    return this.cookieValues(name)[0]
  }
  cookieValues(name: string): readonly string[] {
    return cookieValues(this.#linesOfCookies(), name)
  }

  #linesOfCookies(): readonly string[] {
    this.#cookieLines ??= this.headerValues('cookie')
    return this.#cookieLines
  }
}
