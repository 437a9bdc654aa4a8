/** The login page: a plain form with all fields of Kratos' login flow, and the redirect that logs out. */
import { escapeHtml } from '../../src/handlers/pages/escape_html.ts'
import {
  htmlResponse,
  type PageResponse,
  type ReceivedRequest,
  renderPage,
  type UpstreamDependencies,
} from './page.ts'

export interface FlowMessage {
  readonly text: string
  readonly type?: 'info' | 'success' | 'error'
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
  readonly requested_aal?: 'aal1' | 'aal2'
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
  const flow = (await response.json()) as KratosFlow
  const title = flow.requested_aal === 'aal2' ? 'Log in with a second factor' : 'Log in'
  return htmlResponse(renderPage(title, renderForm(flow), dependencies.kratosDescription))
}

function restartLogin(request: ReceivedRequest, dependencies: UpstreamDependencies): PageResponse {
  const returnTo = encodeURIComponent(`http://${request.headers.host}/admin`)
  const location = `${dependencies.kratosPublicUrl}/self-service/login/browser?return_to=${returnTo}`
  return { status: 303, headers: { location }, body: '' }
}

export function renderForm({ ui }: KratosFlow): string {
  const messages = (ui.messages ?? []).map(({ text, type }) =>
    type === 'error'
      ? `<p class="error" role="alert">${escapeHtml(text)}</p>`
      : `<p class="notice">${escapeHtml(text)}</p>`,
  )
  return `${messages.join('\n')}
<form action="${escapeHtml(ui.action)}" method="${escapeHtml(ui.method)}">
${ui.nodes.map(renderField).join('\n')}
</form>`
}

/** For fields whose purpose Kratos does not state, so that a browser offers to fill them (WCAG 2.2, 1.3.5). */
const AUTOCOMPLETE: Readonly<Record<string, string>> = {
  identifier: 'username',
  lookup_secret: 'one-time-code',
  totp_code: 'one-time-code',
}

function renderField(node: FlowNode, index: number): string {
  const { node_type, name = '', type = 'text', value, required } = node.attributes
  const id = `field-${index}`
  if (node_type === 'text') {
    const content = escapeHtml(node.attributes.text?.text ?? '')
    return `<h2>${escapeHtml(node.meta?.label?.text ?? '')}</h2><p><code>${content}</code></p>`
  }
  if (node_type !== 'input') return ''
  const label = escapeHtml(node.meta?.label?.text ?? name)
  const text = escapeHtml(value === undefined ? '' : String(value))
  if (type === 'submit' || type === 'button') {
    return `<button class="button" name="${escapeHtml(name)}" value="${text}">${label}</button>`
  }
  if (type === 'hidden') return `<input type="hidden" name="${escapeHtml(name)}" value="${text}">`
  const messages = (node.messages ?? []).map(message => escapeHtml(message.text)).join(' ')
  const autocomplete = node.attributes.autocomplete ?? AUTOCOMPLETE[name]
  const attributes = [
    `id="${id}" name="${escapeHtml(name)}" type="${escapeHtml(type)}" value="${text}"`,
    ...(required === true ? ['required'] : []),
    ...(autocomplete === undefined ? [] : [`autocomplete="${escapeHtml(autocomplete)}"`]),
    ...(messages === '' ? [] : [`aria-invalid="true" aria-describedby="${id}-error"`]),
  ]
  const error = messages === '' ? '' : `<p class="field-error" id="${id}-error">${messages}</p>`
  return `<label for="${id}">${label}</label><input ${attributes.join(' ')}>${error}`
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
