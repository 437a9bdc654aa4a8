/** Decides a request: finds its rule, runs the rule's handlers, and renders a denial where one of them denies. */
import { type Awaitable, andThen } from './awaitable.ts'
import { builtInResponse } from './built_in_response.ts'
import {
  type Allow,
  createDecisionProgress,
  type Decision,
  type DecisionProgress,
  grant,
  refuse,
} from './decision.ts'
import { type Denial, denial, internalError, withAnnotations } from './denial.ts'
import { withoutHeaderTwins } from './header_twins.ts'
import { withoutForeignCookies } from './identity_cookies.ts'
import { validateOutgoingHeaders } from './outgoing_headers.ts'
import {
  type Authentication,
  authenticate,
  type DenialResponse,
  type Refusal,
  type Responder,
  runSteps,
} from './pipeline.ts'
import type { RequestView } from './request.ts'
import type { CompiledRule, RuleMatch } from './rule.ts'
import { createSession } from './session.ts'
import type { Snapshot } from './snapshot.ts'
import { withoutCredentials } from './withheld_credentials.ts'

/** One request on its way to a decision. */
interface Evaluation {
  readonly snapshot: Snapshot
  readonly request: RequestView
  readonly progress: DecisionProgress
  /** Render denials: the rule's once it is found, before that those of the snapshot. */
  responders: readonly Responder[]
}

/**
 * Decides one request against the rules of a snapshot. Neither throws nor rejects: an exception of a handler
 * is a bug and becomes a 500 denial. All headers of the decision are valid, so that a transport sends them as
 * they are. `progress` is filled on the way; it lets a caller that stops waiting report how far the request
 * came.
 */
export function decide(
  snapshot: Snapshot,
  request: RequestView,
  progress: DecisionProgress = createDecisionProgress(),
): Awaitable<Decision> {
  progress.revision = snapshot.revision
  const evaluation: Evaluation = {
    snapshot,
    request,
    progress,
    responders: snapshot.fallbackResponders,
  }
  try {
    const decision = evaluate(evaluation)
    return decision instanceof Promise ? decision.catch(error => denyFailed(evaluation, error)) : decision
  } catch (error) {
    return denyFailed(evaluation, error)
  }
}

function evaluate(evaluation: Evaluation): Awaitable<Decision> {
  const match = evaluation.snapshot.find(evaluation.request)
  if (match.kind === 'denial') return deny(evaluation, match)
  evaluation.progress.rule = match.rule.id
  evaluation.responders = match.rule.responders
  return andThen(authenticate(match.rule.authenticators, evaluation.request), authentication =>
    authorize(evaluation, match, authentication),
  )
}

/** Runs the authorizers and mutators of an authenticated request. */
function authorize(
  evaluation: Evaluation,
  { rule, captures }: RuleMatch,
  authentication: Authentication | Refusal,
): Awaitable<Decision> {
  const { snapshot, request, progress } = evaluation
  const { handlerId } = authentication
  progress.authenticator = handlerId
  if (authentication.kind === 'refused') {
    progress.refusedBy = handlerId
    return deny(evaluation, authentication.denial)
  }
  const { identity } = authentication
  progress.subject = identity.subject
  return andThen(runSteps(rule.steps, createSession(identity, request, captures)), result => {
    if (result.kind === 'session') {
      const allow = grant(result, progress, snapshot.settableHeaders)
      return validateOutgoingHeaders(withoutClientsOwn(allow, evaluation, rule))
    }
    progress.refusedBy = result.handlerId
    return deny(evaluation, withAnnotations(result.denial, identity.annotations))
  })
}

/** Removes what the client sent in the name of a rule, in spellings that `grant` does not know, and its credentials. */
function withoutClientsOwn(allow: Allow, { snapshot, request }: Evaluation, rule: CompiledRule): Allow {
  const { headerTwins, foreignCookies } = snapshot
  const untwinned = headerTwins === undefined ? allow : withoutHeaderTwins(allow, request, headerTwins)
  const foreign = foreignCookies?.get(rule)
  const own = foreign === undefined ? untwinned : withoutForeignCookies(untwinned, request, foreign)
  return rule.withheld === undefined ? own : withoutCredentials(own, request, rule.withheld)
}

function deny({ request, responders, progress }: Evaluation, denied: Denial): Decision {
  return validateOutgoingHeaders(refuse(renderDenial(denied, request, responders), denied, progress))
}

const denyFailed = (evaluation: Evaluation, error: unknown): Decision =>
  deny(evaluation, internalError('internal', 'An internal error occurred', error))

/** The response of the first responder that applies, else the built-in one. A responder that throws yields a 500. */
function renderDenial(
  denied: Denial,
  request: RequestView,
  responders: readonly Responder[],
): DenialResponse {
  try {
    const applicable = responders.find(responder => responder.when(denied, request))
    if (applicable !== undefined) return applicable.respond(denied, request)
  } catch {
    return builtInResponse(500)
  }
  return builtInResponse(denied.status)
}

/** Denies a request for which no rule was looked up: it is not valid, or no rules are loaded. */
export const denyWithoutRule = (denied: Denial): Decision =>
  refuse(builtInResponse(denied.status), denied, createDecisionProgress())

/** The denial of every request until each rule repository has been loaded once: 503, retry after 1 s. */
export const RULES_NOT_LOADED = denial(503, 'rules_not_loaded', 'The rules have not been loaded', {
  reason: 'the rules have not been loaded',
  headers: [{ name: 'retry-after', value: '1' }],
})

/** The denial of a request that is shed: 503, retry after 1 s. */
export const OVERLOADED = denial(503, 'overloaded', 'The service is unavailable', {
  reason: 'too many requests are in progress, or the event loop is late',
  headers: [{ name: 'retry-after', value: '1' }],
})

const DEADLINE_EXCEEDED = denial(503, 'deadline', 'The service is unavailable', {
  reason: 'no decision within the available time',
  headers: [{ name: 'retry-after', value: '1' }],
})

/** The decision on a request whose deadline has passed: 503, whatever the evaluation would still come to. */
export const deadlineExceeded = (
  { renderForBrowser }: Pick<Snapshot, 'renderForBrowser'>,
  request: RequestView,
  progress: DecisionProgress,
): Decision =>
  refuse(renderForBrowser?.(DEADLINE_EXCEEDED, request) ?? builtInResponse(503), DEADLINE_EXCEEDED, progress)
