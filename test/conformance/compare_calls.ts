/** Compares the calls that the service made with those that a case expects. */
import type { ExpectedCall } from './case.ts'
import { matchesJson, matchesText, parseJson } from './matches.ts'
import type { RecordedCall } from './stub_service.ts'

/** Headers that an HTTP client may add by itself. */
const CLIENT_HEADERS =
  /^(accept|accept-encoding|accept-language|user-agent|connection|keep-alive|host|content-length|transfer-encoding|sec-fetch-mode|traceparent|tracestate|b3|uber-trace-id|baggage|x-request-id|content-type)$/

export function compareCalls(want: readonly ExpectedCall[], got: readonly RecordedCall[]): string[] {
  const line = (call: ExpectedCall | RecordedCall) =>
    `${call.stub} ${call.method} ${call.path}${call.query ? `?${call.query}` : ''}`
  const differences =
    want.length === got.length
      ? []
      : [`calls: wanted [${want.map(line).join(', ')}], saw [${got.map(line).join(', ')}]`]
  const remaining = [...got]
  for (const wanted of want) {
    const candidates = remaining
      .filter(call => call.stub === wanted.stub && call.method === wanted.method && call.path === wanted.path)
      .map(call => ({ call, differences: callDifferences(wanted, call) }))
      .sort((a, b) => a.differences.length - b.differences.length)
    const [best] = candidates
    if (best === undefined) differences.push(`call not made: ${line(wanted)}`)
    else {
      remaining.splice(remaining.indexOf(best.call), 1)
      differences.push(...best.differences)
    }
  }
  return differences
}

function callDifferences(want: ExpectedCall, got: RecordedCall): string[] {
  const differences: string[] = []
  if ((want.query ?? '') !== got.query)
    differences.push(`call query: wanted ${want.query ?? ''}, saw ${got.query}`)
  const named = new Set(Object.keys(want.headers ?? {}).map(name => name.toLowerCase()))
  for (const [name, value] of Object.entries(want.headers ?? {})) {
    const [wanted, seen] = [[value].flat(), [got.headers[name.toLowerCase()] ?? []].flat()]
    const joined = [', ', ',', '; '].some(separator =>
      matchesText(wanted.join(separator), seen.join(separator)),
    )
    if (!joined && [...wanted, ...seen].some(one => one !== ''))
      differences.push(`call header ${name}: wanted ${wanted}, saw ${seen}`)
  }
  if (want.headers !== undefined) {
    for (const name of Object.keys(got.headers)) {
      if (!named.has(name) && !CLIENT_HEADERS.test(name))
        differences.push(`call header not expected: ${name}: ${got.headers[name]}`)
    }
  }
  if (!matchesBody(want.body, got))
    differences.push(`call body: wanted ${want.body ?? 'none'}, saw ${got.body}`)
  return differences
}

function matchesBody(want: string | undefined, got: RecordedCall): boolean {
  if (want === undefined) return got.body === ''
  if (matchesText(want, got.body)) return true
  const [a, b] = [parseJson(want), parseJson(got.body)]
  if (a !== undefined && b !== undefined && matchesJson(a, b)) return true
  const form = (text: string) => [...new URLSearchParams(text)].map(String).sort().join('&')
  return /urlencoded/.test(String(got.headers['content-type'])) && form(want) === form(got.body)
}
