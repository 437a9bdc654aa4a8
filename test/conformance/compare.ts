/** Compares an outcome with an expectation; returns the differences. */

import type { Expectation } from './case.ts'
import type { CheckOutcome } from './check_client.ts'
import { compareCalls } from './compare_calls.ts'
import { hasValidSignature, type Jwk } from './keys.ts'
import {
  isPlainObject,
  matchesJson,
  matchesNumber,
  matchesText,
  type PlainObject,
  parseJson,
} from './matches.ts'
import type { RecordedCall } from './stub_service.ts'

export interface ComparisonContext {
  /** Replaces addresses and folders of this run by the placeholders of the case. */
  readonly toPlaceholders: (text: string) => string
  readonly keys: readonly Jwk[]
  /** Whether a header that the expectation does not name is a difference. */
  readonly rejectsExtraHeaders: boolean
  previousToken?: string
}

/** Compares a decision, its headers and the calls made for it. For an `alternative`, extra headers are no difference. */
export function compareDecision(
  expect: Expectation,
  actual: CheckOutcome,
  calls: readonly RecordedCall[],
  context: ComparisonContext,
  alternative = false,
): string[] {
  const differences: string[] = []
  const differ = (what: string, want: unknown, got: unknown) =>
    differences.push(`${what}: wanted ${JSON.stringify(want)}, got ${JSON.stringify(got)}`)
  const decision = actual.allow ? 'allow' : `deny ${actual.status}`
  if (expect.decision !== undefined && (expect.decision === 'allow') !== actual.allow) {
    return [`decision: wanted ${expect.decision} ${expect.status ?? ''}, got ${decision}`]
  }
  if (expect.status !== undefined && !matchesNumber(expect.status, actual.status))
    return [`status: wanted ${expect.status}, got ${actual.status}`]
  const named = new Set<string>()
  const value = (name: string): string | undefined => {
    named.add(name.toLowerCase())
    const lines = actual.headers.get(name.toLowerCase())
    return lines === undefined ? undefined : context.toPlaceholders(lines.join(', '))
  }
  for (const [name, want] of Object.entries(expect.headers ?? {})) {
    const got = value(name)
    const sorted = (text: string) => text.split('; ').sort().join('; ')
    const sameCookies = name.toLowerCase() === 'cookie' && got !== undefined && sorted(want) === sorted(got)
    if (!matchesText(want, got) && !sameCookies && !(want === '' && got === undefined))
      differ(`header ${name}`, want, got)
  }
  if (expect.subject !== undefined && value('X-Sub') !== `[${expect.subject}]`)
    differ('subject', expect.subject, value('X-Sub'))
  if ('extra' in expect && !matchesJson(expect.extra, parseJson(value('X-Extra') ?? '')))
    differ('extra', expect.extra, value('X-Extra'))
  for (const name of expect.absentHeaders ?? []) {
    if (actual.allow ? actual.setHeaders.has(name.toLowerCase()) : actual.headers.has(name.toLowerCase()))
      differences.push(`header ${name} should be absent`)
  }
  if (expect.cookies !== undefined) compareCookies(expect.cookies, value('Cookie') ?? '', differ)
  if (expect.jwt !== undefined) compareToken(expect.jwt, value('Authorization') ?? '', context, differ)
  if (expect.location !== undefined && !matchesText(expect.location, value('Location')))
    differ('location', expect.location, value('Location'))
  const error =
    expect.error === undefined
      ? undefined
      : (parseJson(actual.body) as { error?: PlainObject } | undefined)?.error
  for (const [key, want] of Object.entries(expect.error ?? {})) {
    const got = error?.[key]
    if (typeof want === 'string' ? !matchesText(want, got) : want !== got) differ(`error.${key}`, want, got)
  }
  const isPage = expect.location !== undefined
  if (
    expect.body !== undefined &&
    !actual.allow &&
    !isPage &&
    !matchesText(expect.body.trim(), context.toPlaceholders(actual.body).trim())
  ) {
    differ('body', expect.body, actual.body)
  }
  if (expect.calls !== undefined) differences.push(...compareCalls(expect.calls, calls))
  if (actual.allow && context.rejectsExtraHeaders && !alternative && expect.decision === 'allow') {
    for (const [name, got] of actual.setHeaders) {
      const lines = actual.sentHeaders.get(name) ?? []
      if (!named.has(name) && lines.join(', ') !== got && lines[0] !== got)
        differences.push(`header set but not expected: ${name}: ${got}`)
    }
  }
  return differences
}

type ReportDifference = (what: string, want: unknown, got: unknown) => void

function compareCookies(want: Readonly<Record<string, string>>, got: string, note: ReportDifference): void {
  const withoutQuotes = (pair: string) => pair.replace(/="(.*)"$/, '=$1')
  const wanted = Object.entries(want)
    .map(([name, value]) => withoutQuotes(`${name}=${value}`))
    .sort()
  const have = got.split('; ').filter(Boolean).map(withoutQuotes).sort()
  if (JSON.stringify(wanted) !== JSON.stringify(have)) note('cookies', wanted, have)
}

function compareToken(
  want: NonNullable<Expectation['jwt']>,
  authorization: string,
  context: ComparisonContext,
  note: ReportDifference,
): void {
  const token = /^Bearer (.+)$/.exec(authorization)?.[1] ?? '..'
  const part = (i: number) =>
    parseJson(context.toPlaceholders(Buffer.from(token.split('.')[i] ?? '', 'base64url').toString())) as
      | PlainObject
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
    if (!matchesJson(want.claims, any)) note('claims', want.claims, claims)
  }
  const lifetime = Number(claims.exp) - Number(claims.iat)
  if (want.lifetimeSeconds !== undefined && Math.abs(lifetime - want.lifetimeSeconds) > 1)
    note('lifetime', want.lifetimeSeconds, lifetime)
  if (!hasValidSignature(token, context.keys)) note('signature', 'one that verifies', 'another')
  if (want.sameAsPrevious !== undefined && (context.previousToken === token) !== want.sameAsPrevious)
    note('same token', want.sameAsPrevious, !want.sameAsPrevious)
  context.previousToken = token
}

/** Compares a response of the api port. Rules are sorted by id and keys by kid: their order is not part of the contract. */
export function compareHttp(
  expect: Expectation,
  status: number,
  body: string,
  toPlaceholders: (text: string) => string,
): string[] {
  const differences: string[] = []
  const json = parseJson(toPlaceholders(body))
  if (expect.status !== undefined && !matchesNumber(expect.status, status))
    differences.push(`status: wanted ${expect.status}, got ${status}`)
  if (expect.json !== undefined && !matchesJson(sortLists(expect.json), sortLists(json))) {
    differences.push(`json: wanted ${JSON.stringify(expect.json)}, got ${body.slice(0, 1000)}`)
  }
  const code = (json as { error?: PlainObject } | undefined)?.error?.code
  if (expect.error?.code !== undefined && expect.error.code !== code)
    differences.push(`error.code: wanted ${expect.error.code}, got ${code}`)
  return differences
}

function sortLists(value: unknown): unknown {
  const by = (key: string) => (a: PlainObject, b: PlainObject) => String(a[key]).localeCompare(String(b[key]))
  if (Array.isArray(value)) return value.toSorted(by('id'))
  return isPlainObject(value) && Array.isArray(value.keys)
    ? { ...value, keys: value.keys.toSorted(by('kid')) }
    : value
}
