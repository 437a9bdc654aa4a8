/** demo/login_page — a plain login form for Kratos' browser flow: whatever nodes the flow has, it shows. Stores no password. */
import { type Answer, type Arrived, escaped, html, page, type UpstreamParts } from './page.ts'

export interface Message {
  readonly text: string
}

export interface Node {
  readonly group?: string
  readonly attributes: {
    readonly node_type?: string
    readonly name?: string
    readonly type?: string
    readonly value?: unknown
    readonly required?: boolean
    readonly autocomplete?: string
    /** Of a node that only shows something. */
    readonly text?: Message
  }
  readonly messages?: readonly Message[]
  readonly meta?: { readonly label?: Message }
}

export interface Flow {
  readonly ui: {
    readonly action: string
    readonly method: string
    readonly nodes: readonly Node[]
    readonly messages?: readonly Message[]
  }
}

/** GET /login?flow=ID; without a flow, or with one that is over, Kratos begins another. */
export async function loginPage(request: Arrived, url: URL, parts: UpstreamParts): Promise<Answer> {
  const id = url.searchParams.get('flow')
  if (id === null) return restart(request, parts)
  const answer = await fetch(
    `${parts.kratosPublicUrl}/self-service/login/flows?id=${encodeURIComponent(id)}`,
    {
      headers: { accept: 'application/json', cookie: request.headers.cookie ?? '' },
    },
  )
  if (answer.status >= 400 && answer.status < 500) return restart(request, parts)
  if (answer.status !== 200) throw new Error(`Kratos answers ${answer.status}`)
  return html(page('Log in', form((await answer.json()) as Flow), parts.kratosIs))
}

function restart(request: Arrived, parts: UpstreamParts): Answer {
  const back = encodeURIComponent(`http://${request.headers.host}/admin`)
  const location = `${parts.kratosPublicUrl}/self-service/login/browser?return_to=${back}`
  return { status: 303, headers: { location }, body: '' }
}

export function form({ ui }: Flow): string {
  const told = (ui.messages ?? []).map(one => `<p class="told">${escaped(one.text)}</p>`)
  return `${told.join('\n')}
<form action="${escaped(ui.action)}" method="${escaped(ui.method)}">
${ui.nodes.map(field).join('\n')}
</form>`
}

function field(node: Node): string {
  const { node_type, name = '', type = 'text', value, required, autocomplete } = node.attributes
  if (node_type === 'text') {
    const shown = escaped(node.attributes.text?.text ?? '')
    return `<p>${escaped(node.meta?.label?.text ?? '')}</p><p><code>${shown}</code></p>`
  }
  if (node_type !== 'input') return ''
  const label = escaped(node.meta?.label?.text ?? name)
  const text = escaped(value === undefined ? '' : String(value))
  if (type === 'submit' || type === 'button') {
    return `<button name="${escaped(name)}" value="${text}">${label}</button>`
  }
  const told = (node.messages ?? []).map(one => `<span class="told">${escaped(one.text)}</span>`).join(' ')
  const more = `${required === true ? ' required' : ''}${autocomplete ? ` autocomplete="${escaped(autocomplete)}"` : ''}`
  const input = `<input name="${escaped(name)}" type="${escaped(type)}" value="${text}"${more}>`
  return type === 'hidden' ? input : `<label>${label}</label>${input} ${told}`
}

/** GET /logout: Kratos ends the session where the browser goes next. */
export async function logoutRedirect(request: Arrived, parts: UpstreamParts): Promise<Answer> {
  const answer = await fetch(`${parts.kratosPublicUrl}/self-service/logout/browser`, {
    headers: { accept: 'application/json', cookie: request.headers.cookie ?? '' },
  })
  if (answer.status !== 200) return { status: 303, headers: { location: '/' }, body: '' }
  const { logout_url } = (await answer.json()) as { logout_url: string }
  return { status: 303, headers: { location: logout_url }, body: '' }
}
