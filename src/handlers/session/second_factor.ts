/** Finds out whether an account has a second factor, from the login flow of Kratos that would ask for it. */
import type { RequestView } from '../../access/request.ts'
import type { Credential } from '../../access/verdict.ts'
import type { HttpFailure, HttpResponse, Send } from '../../clients/http/message.ts'
import { isRecord, type JsonValue, ownMember, parseJson } from '../../golang/index.ts'
import { millis } from '../../lib/time.ts'

/** Resolves to `false` only if Kratos shows that the account has none. */
export type HasSecondFactor = (credential: Credential, request: RequestView) => Promise<boolean>

/** After it the browser is redirected to the login flow, as without this lookup. */
const LOOKUP_TIMEOUT_MS = millis(1_000)
const WHOAMI_PATH = '/sessions/whoami'

/**
 * A user without a second factor cannot complete the login flow that asks for one. Whoami does not show
 * whether there is one, but the flow does: as JSON it then has no fields except the anti-forgery token.
 * Returns `undefined` if the whoami URL does not reveal the URL of the flows.
 */
export function compileHasSecondFactor(whoami: URL, send: Send): HasSecondFactor | undefined {
  if (!whoami.pathname.endsWith(WHOAMI_PATH)) return undefined
  const flow = new URL(whoami)
  flow.pathname = `${whoami.pathname.slice(0, -WHOAMI_PATH.length)}/self-service/login/browser`
  flow.search = '?aal=aal2'
  return async ({ name, value }, request) => {
    const response = await send({
      method: 'GET',
      url: flow.href,
      headers: [
        ['accept', 'application/json'],
        ['cookie', `${name}=${value}`],
      ],
      timeout: LOOKUP_TIMEOUT_MS,
      deadline: request.deadline,
      target: 'kratos.login',
    })
    return !showsNoFactor(response)
  }
}

function showsNoFactor(response: HttpResponse | HttpFailure): boolean {
  if (response.kind === 'failed' || response.status !== 200) return false
  const flow = parseJson(response.body)
  const ui = isRecord(flow) ? ownMember(flow, 'ui') : undefined
  const nodes = isRecord(ui) ? ownMember(ui, 'nodes') : undefined
  return Array.isArray(nodes) && nodes.every(isInDefaultGroup)
}

/** Kratos puts fields that belong to no method into the group `default`. */
const isInDefaultGroup = (node: JsonValue): boolean =>
  isRecord(node) && ownMember(node, 'group') === 'default'
