/** The settings page: the part of Kratos' settings flow that sets up backup codes as a second factor. */
import { type KratosFlow, renderForm } from './login_page.ts'
import {
  htmlResponse,
  type PageResponse,
  type ReceivedRequest,
  renderPage,
  type UpstreamDependencies,
} from './page.ts'

/** GET /settings?flow=ID. Without a flow, or with an expired one, the browser is redirected to a new flow. */
export async function settingsPage(
  request: ReceivedRequest,
  url: URL,
  dependencies: UpstreamDependencies,
): Promise<PageResponse> {
  const { kratosPublicUrl, kratosDescription } = dependencies
  const settings = `${kratosPublicUrl}/self-service/settings`
  const restart = { status: 303, headers: { location: `${settings}/browser` }, body: '' }
  const id = url.searchParams.get('flow')
  if (id === null) return restart
  const response = await fetch(`${settings}/flows?id=${encodeURIComponent(id)}`, {
    headers: { accept: 'application/json', cookie: request.headers.cookie ?? '' },
  })
  if (response.status >= 400 && response.status < 500) return restart
  if (response.status !== 200) throw new Error(`Kratos responded with ${response.status}`)
  const { ui } = (await response.json()) as KratosFlow
  const nodes = ui.nodes.filter(({ group }) => group === 'default' || group === 'lookup_secret')
  const links = '<p><a href="/vault">Open the vault</a> · <a href="/admin">Back to the admin page</a></p>'
  return htmlResponse(
    renderPage(
      'A second factor: backup codes',
      renderForm({ ui: { ...ui, nodes } }) + links,
      kratosDescription,
    ),
  )
}
