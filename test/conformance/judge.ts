/** test/conformance/judge — what came against what must come: a list of differences, empty when there is none. */

import type { Expectation, WantedCall } from './case.ts'
import { type Jwk, verifies } from './keys.ts'
import type { Seen } from './request.ts'
import type { SeenCall } from './stub.ts'

export interface Context {
  /** Addresses and folders of this run back to the placeholders of the case. */
  readonly back: (text: string) => string
  readonly keys: readonly Jwk[]
  /** Nothing may be set that the case does not name. */
  readonly exact: boolean
  previousToken?: string
}

type Plain = Readonly<Record<string, unknown>>
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `{{any}}` stands for whatever. */
export function sameText(want: string, got: unknown): boolean {
  if (typeof got !== 'string') return false
  if (!want.includes('{{any}}')) return want === got
  const source = want
    .split('{{any}}')
    .map(part => part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
    .join('.*')
  return new RegExp(`^${source}$`, 's').test(got)
}

export function sameJson(want: unknown, got: unknown): boolean {
  if (typeof want === 'string') return want === '{{any}}' || sameText(want, got)
  if (Array.isArray(want))
    return Array.isArray(got) && want.length === got.length && want.every((one, i) => sameJson(one, got[i]))
  if (!isPlain(want)) return want === got
  if (!isPlain(got) || Object.keys(want).length !== Object.keys(got).length) return false
  return Object.entries(want).every(([key, value]) => key in got && sameJson(value, got[key]))
}

const oneOf = (want: number | readonly number[], got: number): boolean => [want].flat().includes(got)

/** `alternative`: only the parts that it names are compared. */
export function judge(
  expect: Expectation,
  seen: Seen,
  calls: readonly SeenCall[],
  context: Context,
  alternative = false,
): string[] {
  const wrong: string[] = []
  const note = (what: string, want: unknown, got: unknown) =>
    wrong.push(`${what}: wanted ${JSON.stringify(want)}, got ${JSON.stringify(got)}`)
  const outcome = seen.allow ? 'allow' : `deny ${seen.status}`
  if (expect.decision !== undefined && (expect.decision === 'allow') !== seen.allow) {
    return [`decision: wanted ${expect.decision} ${expect.status ?? ''}, got ${outcome}`]
  }
  if (expect.status !== undefined && !oneOf(expect.status, seen.status))
    return [`status: wanted ${expect.status}, got ${seen.status}`]
  const named = new Set<string>()
  const value = (name: string): string | undefined => {
    named.add(name.toLowerCase())
    const lines = seen.headers.get(name.toLowerCase())
    return lines === undefined ? undefined : context.back(lines.join(', '))
  }
  for (const [name, want] of Object.entries(expect.headers ?? {})) {
    const got = value(name)
    const sorted = (text: string) => text.split('; ').sort().join('; ')
    const sameCookies = name.toLowerCase() === 'cookie' && got !== undefined && sorted(want) === sorted(got)
    if (!sameText(want, got) && !sameCookies && !(want === '' && got === undefined))
      note(`header ${name}`, want, got)
  }
  if (expect.subject !== undefined && value('X-Sub') !== `[${expect.subject}]`)
    note('subject', expect.subject, value('X-Sub'))
  if ('extra' in expect && !sameJson(expect.extra, parseJson(value('X-Extra') ?? '')))
    note('extra', expect.extra, value('X-Extra'))
  for (const name of expect.absentHeaders ?? []) {
    if (seen.allow ? seen.set.has(name.toLowerCase()) : seen.headers.has(name.toLowerCase()))
      wrong.push(`header ${name} should be absent`)
  }
  if (expect.cookies !== undefined) judgeCookies(expect.cookies, value('Cookie') ?? '', note)
  if (expect.jwt !== undefined) judgeToken(expect.jwt, value('Authorization') ?? '', context, note)
  if (expect.location !== undefined && !sameText(expect.location, value('Location')))
    note('location', expect.location, value('Location'))
  const error =
    expect.error === undefined ? undefined : (parseJson(seen.body) as { error?: Plain } | undefined)?.error
  for (const [key, want] of Object.entries(expect.error ?? {})) {
    const got = error?.[key]
    if (typeof want === 'string' ? !sameText(want, got) : want !== got) note(`error.${key}`, want, got)
  }
  const page = expect.location !== undefined
  if (
    expect.body !== undefined &&
    !seen.allow &&
    !page &&
    !sameText(expect.body.trim(), context.back(seen.body).trim())
  ) {
    note('body', expect.body, seen.body)
  }
  if (expect.calls !== undefined) wrong.push(...judgeCalls(expect.calls, calls))
  if (seen.allow && context.exact && !alternative && expect.decision === 'allow') {
    for (const [name, got] of seen.set) {
      const lines = seen.sent.get(name) ?? []
      if (!named.has(name) && lines.join(', ') !== got && lines[0] !== got)
        wrong.push(`header set but not expected: ${name}: ${got}`)
    }
  }
  return wrong
}

type Note = (what: string, want: unknown, got: unknown) => void

function judgeCookies(want: Readonly<Record<string, string>>, got: string, note: Note): void {
  const bare = (pair: string) => pair.replace(/="(.*)"$/, '=$1')
  const wanted = Object.entries(want)
    .map(([name, value]) => bare(`${name}=${value}`))
    .sort()
  const have = got.split('; ').filter(Boolean).map(bare).sort()
  if (JSON.stringify(wanted) !== JSON.stringify(have)) note('cookies', wanted, have)
}

function judgeToken(
  want: NonNullable<Expectation['jwt']>,
  authorization: string,
  context: Context,
  note: Note,
): void {
  const token = /^Bearer (.+)$/.exec(authorization)?.[1] ?? '..'
  const part = (i: number) =>
    parseJson(context.back(Buffer.from(token.split('.')[i] ?? '', 'base64url').toString())) as
      | Plain
      | undefined
  const [header, claims] = [part(0), part(1)]
  if (header === undefined || claims === undefined) {
    note('id token', want, authorization)
    return
  }
  for (const [key, value] of Object.entries(want.header ?? {}))
    if (header[key] !== value) note(`id token header ${key}`, value, header[key])
  if (want.claims !== undefined) {
    const any = Object.fromEntries(
      Object.entries(claims).map(([key, value]) => [
        key,
        want.claims?.[key] === '{{any}}' ? '{{any}}' : value,
      ]),
    )
    if (!sameJson(want.claims, any)) note('claims', want.claims, claims)
  }
  const lifetime = Number(claims.exp) - Number(claims.iat)
  if (want.lifetimeSeconds !== undefined && Math.abs(lifetime - want.lifetimeSeconds) > 1)
    note('lifetime', want.lifetimeSeconds, lifetime)
  if (!verifies(token, context.keys)) note('signature', 'one that verifies', 'another')
  if (want.sameAsPrevious !== undefined && (context.previousToken === token) !== want.sameAsPrevious)
    note('same token', want.sameAsPrevious, !want.sameAsPrevious)
  context.previousToken = token
}

/** Headers that any HTTP client may add of its own accord. */
const OF_CLIENTS =
  /^(accept|accept-encoding|accept-language|user-agent|connection|keep-alive|host|content-length|transfer-encoding|sec-fetch-mode|traceparent|tracestate|b3|uber-trace-id|baggage|x-request-id|content-type)$/

export function judgeCalls(want: readonly WantedCall[], got: readonly SeenCall[]): string[] {
  const line = (call: WantedCall | SeenCall) =>
    `${call.stub} ${call.method} ${call.path}${call.query ? `?${call.query}` : ''}`
  const wrong =
    want.length === got.length
      ? []
      : [`calls: wanted [${want.map(line).join(', ')}], saw [${got.map(line).join(', ')}]`]
  const left = [...got]
  for (const wanted of want) {
    const tried = left
      .filter(call => call.stub === wanted.stub && call.method === wanted.method && call.path === wanted.path)
      .map(call => ({ call, differences: callDifferences(wanted, call) }))
      .sort((a, b) => a.differences.length - b.differences.length)
    const [best] = tried
    if (best === undefined) wrong.push(`call not made: ${line(wanted)}`)
    else {
      left.splice(left.indexOf(best.call), 1)
      wrong.push(...best.differences)
    }
  }
  return wrong
}

function callDifferences(want: WantedCall, got: SeenCall): string[] {
  const wrong: string[] = []
  if ((want.query ?? '') !== got.query) wrong.push(`call query: wanted ${want.query ?? ''}, saw ${got.query}`)
  const named = new Set(Object.keys(want.headers ?? {}).map(name => name.toLowerCase()))
  for (const [name, value] of Object.entries(want.headers ?? {})) {
    const [wanted, seen] = [[value].flat(), [got.headers[name.toLowerCase()] ?? []].flat()]
    const joined = [', ', ',', '; '].some(separator => sameText(wanted.join(separator), seen.join(separator)))
    if (!joined && [...wanted, ...seen].some(one => one !== ''))
      wrong.push(`call header ${name}: wanted ${wanted}, saw ${seen}`)
  }
  if (want.headers !== undefined) {
    for (const name of Object.keys(got.headers)) {
      if (!named.has(name) && !OF_CLIENTS.test(name))
        wrong.push(`call header not expected: ${name}: ${got.headers[name]}`)
    }
  }
  if (!sameBody(want.body, got)) wrong.push(`call body: wanted ${want.body ?? 'none'}, saw ${got.body}`)
  return wrong
}

function sameBody(want: string | undefined, got: SeenCall): boolean {
  if (want === undefined) return got.body === ''
  if (sameText(want, got.body)) return true
  const [a, b] = [parseJson(want), parseJson(got.body)]
  if (a !== undefined && b !== undefined && sameJson(a, b)) return true
  const form = (text: string) => [...new URLSearchParams(text)].map(String).sort().join('&')
  return /urlencoded/.test(String(got.headers['content-type'])) && form(want) === form(got.body)
}

/** Lists of rules by id and key sets by kid: their order is not part of the contract. */
export function judgeHttp(
  expect: Expectation,
  status: number,
  body: string,
  back: (text: string) => string,
): string[] {
  const wrong: string[] = []
  const json = parseJson(back(body))
  if (expect.status !== undefined && !oneOf(expect.status, status))
    wrong.push(`status: wanted ${expect.status}, got ${status}`)
  if (expect.json !== undefined && !sameJson(ordered(expect.json), ordered(json))) {
    wrong.push(`json: wanted ${JSON.stringify(expect.json)}, got ${body.slice(0, 1000)}`)
  }
  const code = (json as { error?: Plain } | undefined)?.error?.code
  if (expect.error?.code !== undefined && expect.error.code !== code)
    wrong.push(`error.code: wanted ${expect.error.code}, got ${code}`)
  return wrong
}

function ordered(value: unknown): unknown {
  const by = (key: string) => (a: Plain, b: Plain) => String(a[key]).localeCompare(String(b[key]))
  if (Array.isArray(value)) return value.toSorted(by('id'))
  return isPlain(value) && Array.isArray(value.keys)
    ? { ...value, keys: value.keys.toSorted(by('kid')) }
    : value
}
