/** access/decide — from a request to a decision. Knows no Envoy, no files, no clock. */
import { type Awaitable, andThen } from './awaitable.ts'
import { createDecisionProgress, type Decision, type DecisionProgress, grant, refuse } from './decision.ts'
import { type Denial, internalError, denial as refusal, withAnnotations } from './denial.ts'
import { authenticate, type DenialResponse, type Responder, runSteps } from './pipeline.ts'
import type { RequestView } from './request.ts'
import type { RuleMatch } from './rule.ts'
import { createSession } from './session.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * One decision for one request. Whatever a handler throws is a 500 denial (F4): an accident means no. `where` tells
 * whoever stops waiting how far it came.
 */
export function decide(
  snapshot: Snapshot,
  request: RequestView,
  progress: DecisionProgress = createDecisionProgress(),
): Awaitable<Decision> {
  const responders = { current: snapshot.fallbackResponders }
  const deny = (denial: Denial): Decision =>
    refuse(renderDenial(denial, request, responders.current), denial, progress)
  return andThen(
    undefined,
    (): Awaitable<Decision> => {
      const found = snapshot.find(request)
      if (found.kind === 'denial') return deny(found)
      progress.rule = found.rule.id
      responders.current = found.rule.responders
      return evaluateRule(snapshot, request, found, progress, deny)
    },
    error => deny(internalError('internal', 'An internal error occurred', error)),
  )
}

function evaluateRule(
  snapshot: Snapshot,
  request: RequestView,
  { rule, captures }: RuleMatch,
  progress: DecisionProgress,
  deny: (denial: Denial) => Decision,
): Awaitable<Decision> {
  return andThen(authenticate(rule.authenticators, request), (authentication): Awaitable<Decision> => {
    progress.authenticator = authentication.handlerId
    if (authentication.kind === 'refused') {
      progress.refusedBy = authentication.handlerId
      return deny(authentication.denial)
    }
    return andThen(
      runSteps(rule.steps, createSession(authentication.identity, request, captures)),
      result => {
        if (result.kind === 'session')
          return grant(result, rule.id, authentication.handlerId, snapshot.settableHeaders)
        progress.refusedBy = result.handlerId
        return deny(withAnnotations(result.denial, authentication.identity.annotations))
      },
    )
  })
}

/** The answer of the responder that is responsible, else the built-in one (spec 7.1). A responder that throws does not answer. */
function renderDenial(
  denial: Denial,
  request: RequestView,
  responders: readonly Responder[],
): DenialResponse {
  try {
    const applicable = responders.find(responder => responder.when(denial, request))
    if (applicable !== undefined) return applicable.respond(denial, request)
  } catch {
    return builtInResponse(500)
  }
  return builtInResponse(denial.status)
}

/** Status text and message of the built-in answers, Oathkeeper's where it has them (spec 7.3). */
const BUILT_IN_MESSAGES: ReadonlyMap<number, readonly [status: string, message: string]> = new Map([
  [400, ['Bad Request', 'The request was malformed or contained invalid parameters']],
  [431, ['Request Header Fields Too Large', 'The request has too many headers']],
  [
    500,
    ['Internal Server Error', 'An internal server error occurred, please contact the system administrator'],
  ],
  [503, ['Service Unavailable', 'The service is unavailable']],
])

/** Oathkeeper's JSON, where no responder can be asked. */
export function builtInResponse(status: number): DenialResponse {
  const [text, message] = BUILT_IN_MESSAGES.get(status) ?? ['', 'The request was refused']
  return {
    status,
    headers: [
      { name: 'content-type', value: 'application/json' },
      { name: 'cache-control', value: 'no-store' },
      { name: 'x-content-type-options', value: 'nosniff' },
    ],
    body: JSON.stringify({ error: { code: status, status: text, message } }),
  }
}

const DEADLINE_EXCEEDED = refusal(503, 'deadline', 'The service is unavailable', {
  reason: 'no decision within the time that there was',
  headers: [{ name: 'retry-after', value: '1' }],
})

/** For a request that no rule was looked for: it could not be read, or there are no rules yet. */
export const denyWithoutRule = (denial: Denial): Decision =>
  refuse(builtInResponse(denial.status), denial, createDecisionProgress())

/** Not every rule repository has been loaded once. */
export const RULES_NOT_LOADED = refusal(503, 'rules_not_loaded', 'The rules have not been loaded', {
  reason: 'the rules have not been loaded',
  headers: [{ name: 'retry-after', value: '1' }],
})

/** A decision that was not there in time is a 503, whatever it would have become (F1). */
export const deadlineExceeded = (progress: DecisionProgress): Decision =>
  refuse(builtInResponse(503), DEADLINE_EXCEEDED, progress)
