/** Rule sets, their configuration, and CheckRequests with the headers of Chrome. */
import { encodeRequest } from '../test/envoy/reference_codec.ts'

/** Subject of every session and token. */
export const IDENTITY_ID = '90b31539-08ba-45b1-a5fc-5de840f19d7e'

/** Placeholder in a cookie. The load generator overwrites it with a number to create distinct sessions. */
const COUNTER = '00000000'
const sessionCookieValue = (prefix: string) => `${prefix}${COUNTER}${'a'.repeat(415)}==`

/** Nine of ten rules have a literal host (200 hosts in all), one of ten has any host. The scheme is `<https?>`. */
export function sessionRules(count: number, handlers: object = SESSION_RULE): object[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `rule-${i}`,
    match: { url: ruleUrl(i, '<https?>', '<.*>', '<[0-9a-z-]+>'), methods: ['GET', 'POST'] },
    ...handlers,
  }))
}

/** The same rules for `matching_strategy: glob`, in which `<**>` crosses dots and slashes, and `<*>` neither. */
export function globRules(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `rule-${i}`,
    match: { url: ruleUrl(i, '<{http,https}>', '<**>', '<*>'), methods: ['GET', 'POST'] },
    ...SESSION_RULE,
  }))
}

const ruleUrl = (i: number, scheme: string, any: string, word: string): string =>
  i % 10 === 3
    ? `${scheme}://${any}/any${i}/${any}`
    : `${scheme}://svc${i % 200}.example.com/api/v1/resource${i}/${word}`

const SESSION_RULE = {
  authenticators: [{ handler: 'cookie_session' }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'header' }],
}

/** A rule that matches no benchmark request. Adding it creates another rule set. */
export const extraRule = (): object => ({
  ...SESSION_RULE,
  id: 'one-more',
  match: { url: 'http://one-more.example.com/', methods: ['GET'] },
})

/** Configuration of the handlers of `sessionRules`. */
export const sessionConfig = (whoami: string, headers: object = USER_ID) => ({
  authenticators: {
    cookie_session: {
      enabled: true,
      config: { check_session_url: whoami, only: ['ory_kratos_session'] },
    },
  },
  authorizers: { allow: { enabled: true } },
  mutators: { header: { enabled: true, config: { headers } } },
})
export const USER_ID = { 'x-user-id': '{{ print .Subject }}' }

/** The last of `count` rules matches, so that a linear scan would be visible in the result. */
function requestOf(count: number) {
  const last = count - 1
  return { host: `svc${last % 200}.example.com`, path: `/api/v1/resource${last}/abc-123?page=2` }
}

/** A CheckRequest that the last of `count` rules matches. */
export function encodeCheck(count: number, credential: Readonly<Record<string, string>>): Buffer {
  const { host, path } = requestOf(count)
  const pseudo = { ':authority': host, ':method': 'GET', ':path': path, ':scheme': 'https' }
  return encodeRequest({ path, host, headers: { ...pseudo, ...CHROME_HEADERS, ...credential } })
}

/** The same request as a client sends it to Envoy. */
export function encodeHttp1Request(count: number, cookiePrefix = VALID_COOKIE_PREFIX): Buffer {
  const { host, path } = requestOf(count)
  const headers = { host, ...CHROME_HEADERS, cookie: cookieHeader(cookiePrefix) }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from([`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
}

const CHROME_HEADERS = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-GB,en;q=0.9,de;q=0.8',
  'sec-ch-ua': '"Chromium";v="142", "Not_A Brand";v="99"',
  'sec-ch-ua-mobile': '?0',
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'same-origin',
  'upgrade-insecure-requests': '1',
  'user-agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'x-forwarded-for': '203.0.113.7',
  'x-request-id': '2f1c7d1e-66b0-4c19-9a7e-1d3c1c0f8e11',
}

const VALID_COOKIE_PREFIX = 'MTc2Mzg4'
const cookieHeader = (prefix: string): string =>
  `theme=dark; ory_kratos_session=${sessionCookieValue(prefix)}; consent=1`

/** A Check with a session cookie. `cookiePrefix` selects the response of the fake Kratos. */
export const sessionCheck = (count: number, cookiePrefix = VALID_COOKIE_PREFIX): Buffer =>
  encodeCheck(count, { cookie: cookieHeader(cookiePrefix) })

/** Offset in bytes of the placeholder for the number of the session. */
export const counterOffset = (check: Buffer): number => check.indexOf(COUNTER)
