/** The application behind Envoy: it serves the pages of the demo and echoes other requests. It checks no credentials. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { loginPage, logoutRedirect } from './login_page.ts'
import { htmlResponse, type PageResponse, type ReceivedRequest, type UpstreamDependencies } from './page.ts'
import { adminPage, errorPage, frontPage, vaultPage } from './pages.ts'
import { settingsPage } from './settings_page.ts'

export interface Upstream {
  /** All requests that reached the application, oldest first. */
  readonly receivedRequests: readonly ReceivedRequest[]
  close(): Promise<void>
}

export async function startUpstream(dependencies: UpstreamDependencies): Promise<Upstream> {
  const receivedRequests: ReceivedRequest[] = []
  const server = createServer((message, response) => {
    const request = receivedRequestOf(message)
    receivedRequests.push(request)
    message.resume()
    void respond(request, dependencies)
      .catch(
        (error: Error): PageResponse => ({
          status: 502,
          body: `The demo's application failed: ${error.message}\n`,
        }),
      )
      .then(content => writeResponse(response, content))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(dependencies.port, '127.0.0.1', resolve)
  })
  return {
    receivedRequests,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function receivedRequestOf(message: IncomingMessage): ReceivedRequest {
  const headers = Object.entries(message.headersDistinct).map(([name, lines]) => [
    name,
    (lines ?? []).join(','),
  ])
  return { method: message.method ?? 'GET', path: message.url ?? '/', headers: Object.fromEntries(headers) }
}

async function respond(request: ReceivedRequest, dependencies: UpstreamDependencies): Promise<PageResponse> {
  const url = new URL(request.path, 'http://upstream')
  const wantsPage = (request.headers.accept ?? '').includes('text/html')
  if (url.pathname === '/.well-known/jwks.json') {
    return { status: 200, headers: JSON_TYPE, body: JSON.stringify(dependencies.tokenIssuer.jwks) }
  }
  if (url.pathname === '/') return htmlResponse(frontPage(dependencies.kratosDescription))
  if (url.pathname === '/login') return loginPage(request, url, dependencies)
  if (url.pathname === '/settings') return settingsPage(request, url, dependencies)
  if (url.pathname === '/error')
    return htmlResponse(errorPage(url.searchParams.get('id') ?? '', dependencies))
  if (url.pathname === '/logout') return logoutRedirect(request, dependencies)
  if (url.pathname === '/admin' && wantsPage)
    return htmlResponse(adminPage(request, dependencies.kratosDescription))
  if (url.pathname === '/vault' && wantsPage)
    return htmlResponse(vaultPage(request, dependencies.kratosDescription))
  return { status: 200, headers: JSON_TYPE, body: `${JSON.stringify(request, null, 2)}\n` }
}

const JSON_TYPE = { 'content-type': 'application/json' }

function writeResponse(response: ServerResponse, content: PageResponse): void {
  response.statusCode = content.status
  for (const [name, value] of Object.entries(content.headers ?? {})) response.setHeader(name, value)
  response.end(content.body)
}
