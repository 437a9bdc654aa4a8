/** demo/kratos/settings_flow — the settings flow, as far as setting up backup codes needs it: the second factor of the stand-in. */
import { randomBytes, randomUUID } from 'node:crypto'
import { sessionOf } from './credentials.ts'
import { csrfHolds, csrfOf, maskToken } from './csrf.ts'
import type { Session, SettingsFlow } from './database.ts'
import type { Parts, Route } from './dependencies.ts'
import { identityDocument, input, label, timestamp } from './documents.ts'
import { CSRF, NO_SESSION_COOKIE, NOT_FOUND } from './errors.ts'
import { type Exchange, errorReply, fieldsOf, json, type Reply, redirect, wantsJson } from './exchange.ts'

const PATH = '/self-service/settings'
const HOUR = 3_600_000

export const settingsFlow: Route = (exchange, parts) => {
  if (!exchange.path.startsWith(PATH)) return undefined
  const session = sessionOf(exchange, parts)
  const at = `${exchange.method} ${exchange.path.slice(PATH.length)}`
  if (at === 'GET /browser' && session === undefined && !wantsJson(exchange)) {
    return redirect(exchange, `${parts.settings.public.baseUrl}/self-service/login/browser`)
  }
  if (session === undefined) return errorReply(exchange, NO_SESSION_COOKIE)
  if (at === 'GET /api') return shown(begin(exchange, parts, session, undefined), parts)
  if (at === 'GET /browser') return beginInBrowser(exchange, parts, session)
  const flow = parts.database
    .tables()
    .settings.get(exchange.query.get('id') ?? exchange.query.get('flow') ?? '')
  if (flow === undefined || flow.session !== session) return errorReply(exchange, NOT_FOUND)
  if (at === 'GET /flows') return shown(flow, parts)
  if (at === 'POST ') return submit(exchange, parts, flow)
  return undefined
}

function beginInBrowser(exchange: Exchange, parts: Parts, session: Session): Reply {
  const { token, setCookie } = csrfOf(exchange, parts.settings.public.baseUrl)
  const flow = begin(exchange, parts, session, token)
  const reply = wantsJson(exchange)
    ? shown(flow, parts)
    : redirect(exchange, `${parts.settings.settingsUiUrl}?flow=${flow.id}`)
  return { ...reply, headers: [...reply.headers, ...setCookie] }
}

function begin(exchange: Exchange, parts: Parts, session: Session, csrf: Buffer | undefined): SettingsFlow {
  const requestUrl = `${parts.settings.public.baseUrl}${exchange.target}`
  const flow: SettingsFlow = {
    id: randomUUID(),
    session,
    requestUrl,
    issuedAt: parts.now(),
    csrf,
    codes: [],
    saved: false,
  }
  parts.database.tables().settings.set(flow.id, flow)
  return flow
}

/** New codes are shown first, and count once they are confirmed: then the session has its second factor at once. */
function submit(exchange: Exchange, parts: Parts, flow: SettingsFlow): Reply {
  const fields = fieldsOf(exchange)
  if (flow.csrf !== undefined && !csrfHolds(exchange, parts.settings.public.baseUrl, fields.csrf_token)) {
    return errorReply(exchange, CSRF)
  }
  const wanted = (name: string) => String(fields[name]) === 'true'
  flow.saved = false
  if (wanted('lookup_secret_regenerate')) {
    flow.codes = Array.from({ length: 12 }, () => randomBytes(4).toString('hex'))
  } else if (wanted('lookup_secret_confirm') && flow.codes.length > 0) {
    const { identity } = flow.session
    identity.lookupCodes.clear()
    for (const code of flow.codes) identity.lookupCodes.add(code)
    flow.codes = []
    flow.saved = true
    const method = { method: 'lookup_secret', aal: 'aal2', completedAt: parts.now() } as const
    flow.session.methods = [...flow.session.methods, method]
  }
  if (flow.csrf === undefined || wantsJson(exchange)) return shown(flow, parts)
  return redirect(exchange, `${parts.settings.settingsUiUrl}?flow=${flow.id}`)
}

function shown(flow: SettingsFlow, parts: Parts): Reply {
  const { baseUrl } = parts.settings.public
  const csrf = flow.csrf === undefined ? '' : maskToken(flow.csrf)
  const hidden = { name: 'csrf_token', type: 'hidden', value: csrf, required: true }
  return json(200, {
    id: flow.id,
    type: flow.csrf === undefined ? 'api' : 'browser',
    expires_at: timestamp(flow.issuedAt + HOUR),
    issued_at: timestamp(flow.issuedAt),
    request_url: flow.requestUrl,
    ui: {
      action: `${baseUrl}${PATH}?flow=${flow.id}`,
      method: 'POST',
      nodes: [input('default', hidden), ...(flow.codes.length === 0 ? [renew] : confirm(flow.codes))],
      ...(flow.saved ? { messages: [SAVED] } : {}),
    },
    identity: identityDocument(flow.session.identity, baseUrl),
    state: flow.saved ? 'success' : 'show_form',
    continue_with: null,
  })
}

const SAVED = { id: 1050001, text: 'Your changes have been saved!', type: 'success' }

const button = (name: string, text: ReturnType<typeof label>) =>
  input('lookup_secret', { name, type: 'submit', value: 'true' }, text)
const renew = button('lookup_secret_regenerate', label(1050008, 'Generate new backup recovery codes'))

function confirm(codes: readonly string[]) {
  const secrets = codes.map(code => ({ id: 1050009, text: code, type: 'info', context: { secret: code } }))
  const text = { id: 1050015, text: codes.join(', '), type: 'info', context: { secrets } }
  const meta = label(1050010, 'These are your back up recovery codes. Please keep them in a safe place!')
  const attributes = { text, id: 'lookup_secret_codes', node_type: 'text' }
  return [
    { type: 'text', group: 'lookup_secret', attributes, messages: [], meta },
    button('lookup_secret_confirm', label(1050011, 'Confirm backup recovery codes')),
  ]
}
