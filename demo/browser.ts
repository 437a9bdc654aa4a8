/** A browser for scripts and tests: it keeps cookies, follows redirects on request, and submits Kratos' forms. */
import { request } from 'node:http'
import type { Kratos, User } from './kratos.ts'

export interface Page {
  readonly status: number
  /** Names in lower case; lines of one name joined with a comma, except `set-cookie`. */
  readonly headers: ReadonlyMap<string, string>
  readonly setCookies: readonly string[]
  readonly body: string
  /** The body as JSON. The shape is not checked. */
  json<T = Record<string, unknown>>(): T
}

export interface PageRequest {
  readonly method?: string
  readonly accept?: 'html' | 'json'
  readonly headers?: Readonly<Record<string, string>>
  /** Fields of a form, sent as JSON when `accept` is `json`. */
  readonly fields?: Readonly<Record<string, string>>
}

export interface Browser {
  /** Value of the Cookie header for the path `/`. */
  readonly cookies: string
  cookie(name: string): string | undefined
  fetch(url: string, pageRequest?: PageRequest): Promise<Page>
  /** Follows up to ten redirects; `visited` lists the URLs, the first one included. */
  navigate(url: string): Promise<Page & { readonly visited: readonly string[] }>
}

const ACCEPT = { html: 'text/html,application/xhtml+xml,*/*;q=0.8', json: 'application/json' }

interface StoredCookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/** RFC 6265 §5.1.4. */
const pathMatches = (cookiePath: string, path: string): boolean =>
  path === cookiePath || path.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`)

/** Sends every cookie to every port, because cookies belong to a host, and the whole demo is on 127.0.0.1. */
export function createBrowser(): Browser {
  const jar = new Map<string, StoredCookie>()
  /** Sorted by path, longest first (RFC 6265 §5.4). */
  const cookiesFor = (path: string) =>
    [...jar.values()]
      .filter(cookie => pathMatches(cookie.path, path))
      .sort((a, b) => b.path.length - a.path.length)
  const cookieHeader = (path: string) =>
    cookiesFor(path)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')

  async function fetchPage(url: string, pageRequest: PageRequest = {}): Promise<Page> {
    const accept = pageRequest.accept ?? 'html'
    const { fields } = pageRequest
    const cookie = cookieHeader(new URL(url).pathname)
    const type = accept === 'json' ? 'application/json' : 'application/x-www-form-urlencoded'
    const page = await sendRequest(url, {
      method: pageRequest.method ?? (fields === undefined ? 'GET' : 'POST'),
      headers: {
        accept: ACCEPT[accept],
        ...(cookie === '' ? {} : { cookie }),
        ...(fields === undefined ? {} : { 'content-type': type }),
        ...pageRequest.headers,
      },
      body:
        fields === undefined
          ? ''
          : accept === 'json'
            ? JSON.stringify(fields)
            : new URLSearchParams(fields).toString(),
    })
    for (const line of page.setCookies) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (name === undefined || value === undefined) continue
      const path = /; *path=([^;]*)/i.exec(line)?.[1] ?? '/'
      // Kratos deletes a cookie with Max-Age=0 and still sends a value.
      if (/; *max-age=0(;|$)/i.test(line)) jar.delete(`${name};${path}`)
      else jar.set(`${name};${path}`, { name, value, path })
    }
    return page
  }

  return {
    get cookies() {
      return cookieHeader('/')
    },
    cookie: name => [...jar.values()].find(cookie => cookie.name === name)?.value,
    fetch: fetchPage,
    async navigate(url) {
      const visited: string[] = [url]
      for (let current = url; ; ) {
        const page = await fetchPage(current)
        const redirect = page.status >= 300 && page.status < 400 ? page.headers.get('location') : undefined
        if (redirect === undefined || visited.length > 10) return { ...page, visited }
        current = new URL(redirect, current).href
        visited.push(current)
      }
    },
  }
}

/** Sends one request on a new connection. Rejects when no response arrives within 15 s. */
export function sendRequest(
  url: string,
  options: {
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string
  },
): Promise<Page> {
  return new Promise((resolve, reject) => {
    const { method, headers, body = '' } = options
    const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const outgoing = request(url, {
      method,
      headers: { ...headers, ...length },
      agent: false,
      timeout: 15_000,
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${url}: no response within 15 s`)))
    outgoing.on('error', reject)
    outgoing.on('response', response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const lines = Object.entries(response.headersDistinct).map(
          ([name, values]) => [name, (values ?? []).join(', ')] as const,
        )
        resolve({
          status: response.statusCode ?? 0,
          headers: new Map(lines),
          setCookies: response.headers['set-cookie'] ?? [],
          body: text,
          json: <T>() => JSON.parse(text) as T,
        })
      })
    })
    outgoing.end(body)
  })
}

interface FlowForm {
  readonly ui: {
    readonly action: string
    readonly nodes: readonly { readonly attributes: { readonly name?: string; readonly value?: unknown } }[]
  }
}

/** Submits a login flow that the browser has already begun; resolves to Kratos' response. */
export async function submitFlowForm(
  browser: Browser,
  kratos: Kratos,
  flow: string,
  fields: Readonly<Record<string, string>>,
): Promise<Page> {
  const flowPage = await browser.fetch(`${kratos.publicUrl}/self-service/login/flows?id=${flow}`, {
    accept: 'json',
  })
  const { ui } = flowPage.json<FlowForm>()
  const csrf = ui.nodes.find(node => node.attributes.name === 'csrf_token')?.attributes.value
  return browser.fetch(ui.action, { fields: { csrf_token: String(csrf), ...fields } })
}

export function submitLoginForm(browser: Browser, kratos: Kratos, flow: string, user: User): Promise<Page> {
  const { email, password } = user
  return submitFlowForm(browser, kratos, flow, { method: 'password', identifier: email, password })
}

/** Logs in at Kratos without a page of the demo. The session cookie is in the browser afterwards. */
export async function logIn(browser: Browser, kratos: Kratos, user: User): Promise<Page> {
  const start = await browser.fetch(`${kratos.publicUrl}/self-service/login/browser`, { accept: 'json' })
  return submitLoginForm(browser, kratos, start.json<{ id: string }>().id, user)
}

/** Logs in as a native client does; resolves to a session token. */
export async function nativeLogin(kratos: Kratos, user: User): Promise<string> {
  const { data: flow } = await kratos.frontend.createNativeLoginFlow()
  const { data } = await kratos.frontend.updateLoginFlow({
    flow: flow.id,
    updateLoginFlowBody: { method: 'password', identifier: user.email, password: user.password },
  })
  return data.session_token as string
}

/** Sets up backup codes as a second factor as a native client does; resolves to the codes. */
export async function enrollBackupCodes(kratos: Kratos, token: string): Promise<readonly string[]> {
  const { frontend } = kratos
  const { data: flow } = await frontend.createNativeSettingsFlow({ xSessionToken: token })
  const update = (fields: object) =>
    frontend.updateSettingsFlow({
      flow: flow.id,
      xSessionToken: token,
      updateSettingsFlowBody: { method: 'lookup_secret', ...fields },
    })
  const { data: renewed } = await update({ lookup_secret_regenerate: true })
  const codesNode = renewed.ui.nodes.find(
    ({ attributes }) => 'id' in attributes && attributes.id === 'lookup_secret_codes',
  )?.attributes as { text: { context: { secrets: readonly { text: string }[] } } } | undefined
  if (codesNode === undefined) throw new Error('Kratos returned no backup codes')
  await update({ lookup_secret_confirm: true })
  return codesNode.text.context.secrets.map(({ text }) => text)
}

/** Raises the session of a token to AAL2 with a backup code. The token stays the same. */
export async function nativeStepUp(kratos: Kratos, token: string, code: string): Promise<void> {
  const { data: flow } = await kratos.frontend.createNativeLoginFlow({ aal: 'aal2', xSessionToken: token })
  await kratos.frontend.updateLoginFlow({
    flow: flow.id,
    xSessionToken: token,
    updateLoginFlowBody: { method: 'lookup_secret', lookup_secret: code },
  })
}
