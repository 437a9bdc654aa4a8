/** The part of the settings flow that sets up backup codes, the second factor of the stand-in. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Route, StandInContext } from './context.ts'
import { currentSession } from './credentials.ts'
import { csrfMatches, csrfOf, maskToken } from './csrf.ts'
import type { Session, SettingsFlow } from './database.ts'
import { identityDocument, inputNode, labelMeta, timestamp } from './documents.ts'
import { CSRF_VIOLATION, NO_SESSION_COOKIE, NOT_FOUND } from './errors.ts'
import { type Exchange, errorReply, fieldsOf, json, type Reply, redirect, wantsJson } from './exchange.ts'

const PATH = '/self-service/settings'
const FLOW_LIFETIME_MS = 3_600_000

export const settingsFlow: Route = (exchange, context) => {
  if (!exchange.path.startsWith(PATH)) return undefined
  const session = currentSession(exchange, context)
  const endpoint = `${exchange.method} ${exchange.path.slice(PATH.length)}`
  if (endpoint === 'GET /browser' && session === undefined && !wantsJson(exchange)) {
    return redirect(exchange, `${context.settings.public.baseUrl}/self-service/login/browser`)
  }
  if (session === undefined) return errorReply(exchange, NO_SESSION_COOKIE)
  if (endpoint === 'GET /api') return flowReply(createFlow(exchange, context, session, undefined), context)
  if (endpoint === 'GET /browser') return startBrowserFlow(exchange, context, session)
  const flow = context.database
    .tables()
    .settingsFlows.get(exchange.query.get('id') ?? exchange.query.get('flow') ?? '')
  if (flow === undefined || flow.session !== session) return errorReply(exchange, NOT_FOUND)
  if (endpoint === 'GET /flows') return flowReply(flow, context)
  if (endpoint === 'POST ') return submitFlow(exchange, context, flow)
  return undefined
}

function startBrowserFlow(exchange: Exchange, context: StandInContext, session: Session): Reply {
  const { token, setCookie } = csrfOf(exchange, context.settings.public.baseUrl)
  const flow = createFlow(exchange, context, session, token)
  const reply = wantsJson(exchange)
    ? flowReply(flow, context)
    : redirect(exchange, `${context.settings.settingsUiUrl}?flow=${flow.id}`)
  return { ...reply, headers: [...reply.headers, ...setCookie] }
}

function createFlow(
  exchange: Exchange,
  context: StandInContext,
  session: Session,
  csrf: Buffer | undefined,
): SettingsFlow {
  const requestUrl = `${context.settings.public.baseUrl}${exchange.target}`
  const flow: SettingsFlow = {
    id: randomUUID(),
    session,
    requestUrl,
    issuedAt: context.now(),
    csrf,
    codes: [],
    saved: false,
  }
  context.database.tables().settingsFlows.set(flow.id, flow)
  return flow
}

/** Generates codes, or activates them once they are confirmed. The session reaches AAL2 with the confirmation. */
function submitFlow(exchange: Exchange, context: StandInContext, flow: SettingsFlow): Reply {
  const fields = fieldsOf(exchange)
  if (flow.csrf !== undefined && !csrfMatches(exchange, context.settings.public.baseUrl, fields.csrf_token)) {
    return errorReply(exchange, CSRF_VIOLATION)
  }
  const isRequested = (name: string) => String(fields[name]) === 'true'
  flow.saved = false
  if (isRequested('lookup_secret_regenerate')) {
    flow.codes = Array.from({ length: 12 }, () => randomBytes(4).toString('hex'))
  } else if (isRequested('lookup_secret_confirm') && flow.codes.length > 0) {
    const { identity } = flow.session
    identity.lookupCodes.clear()
    for (const code of flow.codes) identity.lookupCodes.add(code)
    flow.codes = []
    flow.saved = true
    const method = { method: 'lookup_secret', aal: 'aal2', completedAt: context.now() } as const
    flow.session.methods = [...flow.session.methods, method]
  }
  if (flow.csrf === undefined || wantsJson(exchange)) return flowReply(flow, context)
  return redirect(exchange, `${context.settings.settingsUiUrl}?flow=${flow.id}`)
}

function flowReply(flow: SettingsFlow, context: StandInContext): Reply {
  const { baseUrl } = context.settings.public
  const csrf = flow.csrf === undefined ? '' : maskToken(flow.csrf)
  const hidden = { name: 'csrf_token', type: 'hidden', value: csrf, required: true }
  return json(200, {
    id: flow.id,
    type: flow.csrf === undefined ? 'api' : 'browser',
    expires_at: timestamp(flow.issuedAt + FLOW_LIFETIME_MS),
    issued_at: timestamp(flow.issuedAt),
    request_url: flow.requestUrl,
    ui: {
      action: `${baseUrl}${PATH}?flow=${flow.id}`,
      method: 'POST',
      nodes: [
        inputNode('default', hidden),
        ...(flow.codes.length === 0 ? [regenerateButton] : confirmNodes(flow.codes)),
      ],
      ...(flow.saved ? { messages: [SAVED] } : {}),
    },
    identity: identityDocument(flow.session.identity, baseUrl),
    state: flow.saved ? 'success' : 'show_form',
    continue_with: null,
  })
}

const SAVED = { id: 1050001, text: 'Your changes have been saved!', type: 'success' }

const button = (name: string, text: ReturnType<typeof labelMeta>) =>
  inputNode('lookup_secret', { name, type: 'submit', value: 'true' }, text)
const regenerateButton = button(
  'lookup_secret_regenerate',
  labelMeta(1050008, 'Generate new backup recovery codes'),
)

function confirmNodes(codes: readonly string[]) {
  const secrets = codes.map(code => ({ id: 1050009, text: code, type: 'info', context: { secret: code } }))
  const text = { id: 1050015, text: codes.join(', '), type: 'info', context: { secrets } }
  const meta = labelMeta(1050010, 'These are your back up recovery codes. Please keep them in a safe place!')
  const attributes = { text, id: 'lookup_secret_codes', node_type: 'text' }
  return [
    { type: 'text', group: 'lookup_secret', attributes, messages: [], meta },
    button('lookup_secret_confirm', labelMeta(1050011, 'Confirm backup recovery codes')),
  ]
}
