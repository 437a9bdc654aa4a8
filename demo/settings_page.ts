/** demo/settings_page — of Kratos' settings flow the part with the backup codes: how somebody gets a second factor. */
import { type KratosFlow, renderForm } from './login_page.ts'
import {
  htmlResponse,
  type PageResponse,
  type ReceivedRequest,
  renderPage,
  type UpstreamDependencies,
} from './page.ts'

/** GET /settings?flow=ID; without a flow, or with one that is over, Kratos begins another. */
export async function settingsPage(
  request: ReceivedRequest,
  url: URL,
  dependencies: UpstreamDependencies,
): Promise<PageResponse> {
  const { kratosPublicUrl, kratosIs } = dependencies
  const settings = `${kratosPublicUrl}/self-service/settings`
  const restart = { status: 303, headers: { location: `${settings}/browser` }, body: '' }
  const id = url.searchParams.get('flow')
  if (id === null) return restart
  const answer = await fetch(`${settings}/flows?id=${encodeURIComponent(id)}`, {
    headers: { accept: 'application/json', cookie: request.headers.cookie ?? '' },
  })
  if (answer.status >= 400 && answer.status < 500) return restart
  if (answer.status !== 200) throw new Error(`Kratos answers ${answer.status}`)
  const { ui } = (await answer.json()) as KratosFlow
  const nodes = ui.nodes.filter(({ group }) => group === 'default' || group === 'lookup_secret')
  const links = '<p><a href="/vault">To the vault</a> <a href="/admin">Back</a></p>'
  return htmlResponse(
    renderPage('A second factor: backup codes', renderForm({ ui: { ...ui, nodes } }) + links, kratosIs),
  )
}
