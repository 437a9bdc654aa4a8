/** The login page: a plain form with all fields of Kratos' login flow, and the redirect that logs out. */
import {
  escapeHtml,
  htmlResponse,
  type PageResponse,
  type ReceivedRequest,
  renderPage,
  type UpstreamDependencies,
} from './page.ts'

export interface FlowMessage {
  readonly text: string
}

export interface FlowNode {
  readonly group?: string
  readonly attributes: {
    readonly node_type?: string
    readonly name?: string
    readonly type?: string
    readonly value?: unknown
    readonly required?: boolean
    readonly autocomplete?: string
    /** Content of a node without an input. */
    readonly text?: FlowMessage
  }
  readonly messages?: readonly FlowMessage[]
  readonly meta?: { readonly label?: FlowMessage }
}

export interface KratosFlow {
  readonly ui: {
    readonly action: string
    readonly method: string
    readonly nodes: readonly FlowNode[]
    readonly messages?: readonly FlowMessage[]
  }
}

/** GET /login?flow=ID. Without a flow, or with an expired one, the browser is redirected to a new flow. */
export async function loginPage(
  request: ReceivedRequest,
  url: URL,
  dependencies: UpstreamDependencies,
): Promise<PageResponse> {
  const id = url.searchParams.get('flow')
  if (id === null) return restartLogin(request, dependencies)
  const response = await fetch(
    `${dependencies.kratosPublicUrl}/self-service/login/flows?id=${encodeURIComponent(id)}`,
    {
      headers: { accept: 'application/json', cookie: request.headers.cookie ?? '' },
    },
  )
  if (response.status >= 400 && response.status < 500) return restartLogin(request, dependencies)
  if (response.status !== 200) throw new Error(`Kratos responded with ${response.status}`)
  return htmlResponse(
    renderPage('Log in', renderForm((await response.json()) as KratosFlow), dependencies.kratosDescription),
  )
}

function restartLogin(request: ReceivedRequest, dependencies: UpstreamDependencies): PageResponse {
  const returnTo = encodeURIComponent(`http://${request.headers.host}/admin`)
  const location = `${dependencies.kratosPublicUrl}/self-service/login/browser?return_to=${returnTo}`
  return { status: 303, headers: { location }, body: '' }
}

export function renderForm({ ui }: KratosFlow): string {
  const messages = (ui.messages ?? []).map(message => `<p class="message">${escapeHtml(message.text)}</p>`)
  return `${messages.join('\n')}
<form action="${escapeHtml(ui.action)}" method="${escapeHtml(ui.method)}">
${ui.nodes.map(renderField).join('\n')}
</form>`
}

function renderField(node: FlowNode): string {
  const { node_type, name = '', type = 'text', value, required, autocomplete } = node.attributes
  if (node_type === 'text') {
    const content = escapeHtml(node.attributes.text?.text ?? '')
    return `<p>${escapeHtml(node.meta?.label?.text ?? '')}</p><p><code>${content}</code></p>`
  }
  if (node_type !== 'input') return ''
  const label = escapeHtml(node.meta?.label?.text ?? name)
  const text = escapeHtml(value === undefined ? '' : String(value))
  if (type === 'submit' || type === 'button') {
    return `<button name="${escapeHtml(name)}" value="${text}">${label}</button>`
  }
  const messages = (node.messages ?? [])
    .map(message => `<span class="message">${escapeHtml(message.text)}</span>`)
    .join(' ')
  const extraAttributes = `${required === true ? ' required' : ''}${autocomplete ? ` autocomplete="${escapeHtml(autocomplete)}"` : ''}`
  const input = `<input name="${escapeHtml(name)}" type="${escapeHtml(type)}" value="${text}"${extraAttributes}>`
  return type === 'hidden' ? input : `<label>${label}</label>${input} ${messages}`
}

/** GET /logout. The browser is redirected to Kratos, which ends the session. */
export async function logoutRedirect(
  request: ReceivedRequest,
  dependencies: UpstreamDependencies,
): Promise<PageResponse> {
  const response = await fetch(`${dependencies.kratosPublicUrl}/self-service/logout/browser`, {
    headers: { accept: 'application/json', cookie: request.headers.cookie ?? '' },
  })
  if (response.status !== 200) return { status: 303, headers: { location: '/' }, body: '' }
  const { logout_url } = (await response.json()) as { logout_url: string }
  return { status: 303, headers: { location: logout_url }, body: '' }
}
