/** demo/upstream — the application behind Envoy: an echo that shows what arrived, the admin page, the login page. Checks nothing itself. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { loginPage, logoutRedirect } from './login_page.ts'
import { type Answer, type Arrived, html, type UpstreamParts } from './page.ts'
import { adminPage, errorPage, frontPage, vaultPage } from './pages.ts'
import { settingsPage } from './settings_page.ts'

export interface Upstream {
  /** Every request that got here, oldest first. */
  readonly arrived: readonly Arrived[]
  close(): Promise<void>
}

export async function startUpstream(parts: UpstreamParts): Promise<Upstream> {
  const arrived: Arrived[] = []
  const server = createServer((message, response) => {
    const request = arrivedOf(message)
    arrived.push(request)
    message.resume()
    void answer(request, parts)
      .catch(
        (error: Error): Answer => ({
          status: 502,
          body: `the demo's application failed: ${error.message}\n`,
        }),
      )
      .then(given => send(response, given))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(parts.port, '127.0.0.1', resolve)
  })
  return {
    arrived,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function arrivedOf(message: IncomingMessage): Arrived {
  const headers = Object.entries(message.headersDistinct).map(([name, lines]) => [
    name,
    (lines ?? []).join(','),
  ])
  return { method: message.method ?? 'GET', path: message.url ?? '/', headers: Object.fromEntries(headers) }
}

async function answer(request: Arrived, parts: UpstreamParts): Promise<Answer> {
  const url = new URL(request.path, 'http://upstream')
  const wantsPage = (request.headers.accept ?? '').includes('text/html')
  if (url.pathname === '/.well-known/jwks.json') {
    return { status: 200, headers: JSON_TYPE, body: JSON.stringify(parts.workload.jwks) }
  }
  if (url.pathname === '/') return html(frontPage(parts.kratosIs))
  if (url.pathname === '/login') return loginPage(request, url, parts)
  if (url.pathname === '/settings') return settingsPage(request, url, parts)
  if (url.pathname === '/error') return html(errorPage(url.searchParams.get('id') ?? '', parts))
  if (url.pathname === '/logout') return logoutRedirect(request, parts)
  if (url.pathname === '/admin' && wantsPage) return html(adminPage(request, parts.kratosIs))
  if (url.pathname === '/vault' && wantsPage) return html(vaultPage(request, parts.kratosIs))
  return { status: 200, headers: JSON_TYPE, body: `${JSON.stringify(request, null, 2)}\n` }
}

const JSON_TYPE = { 'content-type': 'application/json' }

function send(response: ServerResponse, given: Answer): void {
  response.statusCode = given.status
  for (const [name, value] of Object.entries(given.headers ?? {})) response.setHeader(name, value)
  response.end(given.body)
}
