/** Requests as rules see them, from header lines. */
import type { RequestView } from '../../src/access/request.ts'
import { parseCookies } from '../../src/http/cookies.ts'
import type { Instant } from '../../src/lib/time.ts'

type HeaderLine = readonly [name: string, value: string]
type RequestOverrides = Partial<
  Pick<RequestView, 'method' | 'scheme' | 'authority' | 'path' | 'query' | 'deadline' | 'remoteAddress'>
>

/**
 * A request with these headers, whose names may have any case. It has no deadline unless `overrides` has one.
 */
export function requestWith(
  headers: readonly HeaderLine[] = [],
  overrides: RequestOverrides = {},
): RequestView {
  const lines = headers.map(([name, value]): HeaderLine => [name.toLowerCase(), value])
  const headerValues = (name: string) => lines.filter(([key]) => key === name).map(([, value]) => value)
  const cookies = () => parseCookies(headerValues('cookie'))
  const cookieValues = (name: string) =>
    cookies()
      .filter(([key]) => key === name)
      .map(([, value]) => value)
  const { authority = 'app.example.com', path = '/' } = overrides
  return {
    method: 'GET',
    scheme: 'https',
    host: authority,
    authority,
    path,
    rawPath: path,
    query: '',
    requestId: '',
    remoteAddress: '',
    sni: '',
    principal: '',
    body: undefined,
    deadline: Number.POSITIVE_INFINITY as Instant,
    ...overrides,
    header: name => headerValues(name)[0],
    headerValues,
    headerEntries: () => lines,
    headerNamesWithSymbols: lengths =>
      lines.map(([name]) => name).filter(name => lengths[name.length] === 1 && /[^a-z0-9-]/.test(name)),
    cookie: name => cookieValues(name)[0],
    cookieValues,
    cookies,
  }
}
