/** demo/browser — a browser for scripts: keeps cookies, follows nothing, fills in Kratos' login form. Knows no Credence. */
import { request } from 'node:http'
import type { Kratos, User } from './kratos.ts'

export interface Page {
  readonly status: number
  /** Names in lower case; lines of one name joined with a comma, except `set-cookie`. */
  readonly headers: ReadonlyMap<string, string>
  readonly setCookies: readonly string[]
  readonly body: string
  /** The body as JSON, of which the caller knows the shape. */
  json<T = Record<string, unknown>>(): T
}

export interface PageRequest {
  readonly method?: string
  readonly accept?: 'html' | 'json'
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as a form, or as JSON where `accept` is json. */
  readonly fields?: Readonly<Record<string, string>>
}

export interface Browser {
  /** The cookies it would send to any page, in one line. */
  readonly cookies: string
  /** A cookie's value. */
  cookie(name: string): string | undefined
  fetch(url: string, asking?: PageRequest): Promise<Page>
  /** Goes to `url`, over at most ten redirects, as a person would; the places it came by are in `visited`. */
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

/** All of it on one host: 127.0.0.1, whose ports share their cookies. */
export function createBrowser(): Browser {
  const jar = new Map<string, StoredCookie>()
  /** Longest path first. */
  const cookiesFor = (path: string) =>
    [...jar.values()].filter(one => pathMatches(one.path, path)).sort((a, b) => b.path.length - a.path.length)
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
      // Kratos deletes by Max-Age=0 and leaves a value in place.
      if (/; *max-age=0(;|$)/i.test(line)) jar.delete(`${name};${path}`)
      else jar.set(`${name};${path}`, { name, value, path })
    }
    return page
  }

  return {
    get cookies() {
      return cookieHeader('/')
    },
    cookie: name => [...jar.values()].find(one => one.name === name)?.value,
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

/** One request on a connection of its own. */
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
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${url}: no answer in 15 s`)))
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

/** Sends the form of a flow that is already in the browser; answers with Kratos' answer. */
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

/** Logs in directly at Kratos, without any page of the demo. */
export async function logIn(browser: Browser, kratos: Kratos, user: User): Promise<Page> {
  const start = await browser.fetch(`${kratos.publicUrl}/self-service/login/browser`, { accept: 'json' })
  return submitLoginForm(browser, kratos, start.json<{ id: string }>().id, user)
}

/** The native way: a session token instead of a cookie. */
export async function nativeLogin(kratos: Kratos, user: User): Promise<string> {
  const { data: flow } = await kratos.frontend.createNativeLoginFlow()
  const { data } = await kratos.frontend.updateLoginFlow({
    flow: flow.id,
    updateLoginFlowBody: { method: 'password', identifier: user.email, password: user.password },
  })
  return data.session_token as string
}

/** Sets up backup codes as a second factor, in the native way; the session of the token has it at once. */
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
  if (codesNode === undefined) throw new Error('Kratos did not show backup codes')
  await update({ lookup_secret_confirm: true })
  return codesNode.text.context.secrets.map(({ text }) => text)
}

/** Gives a backup code as second factor, in the native way: the same token, and AAL2. */
export async function nativeStepUp(kratos: Kratos, token: string, code: string): Promise<void> {
  const { data: flow } = await kratos.frontend.createNativeLoginFlow({ aal: 'aal2', xSessionToken: token })
  await kratos.frontend.updateLoginFlow({
    flow: flow.id,
    xSessionToken: token,
    updateLoginFlowBody: { method: 'lookup_secret', lookup_secret: code },
  })
}
