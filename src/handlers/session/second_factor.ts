/** handlers/parts/second_factor — whether an account has a second factor at all, read from the login flow that would ask for it. Knows no session and no rule. */
import type { RequestView } from '../../access/request.ts'
import type { Credential } from '../../access/verdict.ts'
import type { HttpFailure, HttpResponse, Send } from '../../clients/http/message.ts'
import { isRecord, type JsonValue, ownMember, parseJson } from '../../golang/index.ts'
import { millis } from '../../lib/time.ts'

/** `false` only where Kratos shows that there is none. */
export type HasSecondFactor = (credential: Credential, request: RequestView) => Promise<boolean>

/** Nobody waits longer to be told that much, ms; then he is sent to the flow like everybody. */
const LOOKUP_TIMEOUT_MS = millis(1_000)
const WHOAMI_PATH = '/sessions/whoami'

/**
 * A browser whose account has no second factor would be sent to a flow that nobody can finish (kratos 6.1). whoami does
 * not say it, the flow itself does: as JSON it has no field but the anti-forgery token. `undefined`: the URL does not
 * say where the flows of this Kratos are.
 */
export function compileHasSecondFactor(whoami: URL, send: Send): HasSecondFactor | undefined {
  if (!whoami.pathname.endsWith(WHOAMI_PATH)) return undefined
  const flow = new URL(whoami)
  flow.pathname = `${whoami.pathname.slice(0, -WHOAMI_PATH.length)}/self-service/login/browser`
  flow.search = '?aal=aal2'
  return async ({ name, value }, request) => {
    const answer = await send({
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
    return !showsNoFactor(answer)
  }
}

function showsNoFactor(answer: HttpResponse | HttpFailure): boolean {
  if (answer.kind === 'failed' || answer.status !== 200) return false
  const flow = parseJson(answer.body)
  const ui = isRecord(flow) ? ownMember(flow, 'ui') : undefined
  const nodes = isRecord(ui) ? ownMember(ui, 'nodes') : undefined
  return Array.isArray(nodes) && nodes.every(isInDefaultGroup)
}

/** Kratos puts what belongs to no method into the group `default`. */
const isInDefaultGroup = (node: JsonValue): boolean => isRecord(node) && ownMember(node, 'group') === 'default'
