/** Selects the error handler that responds to a denial. */
import { type Denial, denial } from '../../access/denial.ts'
import type { DenialResponse, Responder } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { BuiltResponder } from '../builder.ts'
import type { HandlerDiagnostic } from '../compile/diagnostics.ts'
import type { RefusalPages } from '../pages/refusal_pages.ts'
import { jsonErrorResponse } from './error_body.ts'

/**
 * Returns one responder for a rule. It uses the error handler of the rule whose `when` matches, else the first
 * matching fallback.
 *
 * The response is a 500 with a verbose body in three cases: several handlers of the rule match, none
 * matches, or the selected one is misconfigured. A misconfigured fallback counts as matching. An unknown or
 * invalid handler of the rule makes every response a 500.
 *
 * Where `pages` are enabled, a browser gets a page in place of JSON that no handler of the rule chose: that of a
 * misconfiguration, that of the fallback `json`, and where no handler matches, with the status of the denial.
 */
export function selectResponders(
  own: readonly BuiltResponder[],
  fallback: readonly BuiltResponder[],
  pages: Pick<RefusalPages, 'renderForBrowser'>,
): readonly Responder[] {
  const misconfiguration = own.find(responder => responder.invalidatesRule)?.misconfiguration
  const respond = (refused: Denial, request: RequestView): DenialResponse => {
    const ofRule = misconfiguration ?? chooseOwn(own, refused, request)
    if (ofRule !== undefined && 'respond' in ofRule) return renderBy(ofRule, refused, request)
    const chosen = ofRule ?? chooseFallback(fallback, refused, request)
    if (chosen === NONE_MATCHES || ('respond' in chosen && chosen.id === 'json')) {
      const page = pages.renderForBrowser(refused, request)
      if (page !== undefined) return page
    }
    if ('respond' in chosen) return renderBy(chosen, refused, request)
    return {
      ...(pages.renderForBrowser(chosen, request) ?? jsonErrorResponse(chosen, request, true)),
      errorHandler: SELECTION_FAULTS.get(chosen) ?? 'misconfigured',
    }
  }
  return [{ id: 'errors', when: () => true, respond }]
}

const renderBy = (handler: BuiltResponder, refused: Denial, request: RequestView): DenialResponse => ({
  ...handler.respond(refused, request),
  errorHandler: handler.id,
})

/** `undefined` where no handler of the rule matches. */
function chooseOwn(
  own: readonly BuiltResponder[],
  refused: Denial,
  request: RequestView,
): BuiltResponder | Denial | undefined {
  const matching = own.filter(responder => responder.when(refused, request))
  if (matching.length > 1) return SEVERAL_MATCH
  return matching[0]?.misconfiguration ?? matching[0]
}

function chooseFallback(
  fallback: readonly BuiltResponder[],
  refused: Denial,
  request: RequestView,
): BuiltResponder | Denial {
  const next = fallback.find(
    responder => responder.misconfiguration !== undefined || responder.when(refused, request),
  )
  if (next === undefined) return NONE_MATCHES
  return next.misconfiguration === undefined ? next : misconfiguredErrors(next.misconfiguration.message)
}

const misconfiguredErrors = (reason: string): Denial =>
  denial(
    500,
    'rule_misconfigured',
    'An internal server error occurred, please contact the system administrator',
    { reason },
  )

/**
 * Warns about error handlers of one rule that always match together, which makes the response a 500.
 * `path` leads from the rule.
 */
export function lintResponders(own: readonly BuiltResponder[]): readonly HandlerDiagnostic[] {
  return own.flatMap(({ conditionKey: condition }, i): HandlerDiagnostic[] => {
    const twin = own.findIndex(
      (other, j) => j !== i && (condition === '' || (j < i && other.conditionKey === condition)),
    )
    if (twin < 0) return []
    const message =
      condition === ''
        ? 'matches every error: if another handler of the rule matches as well, the response is 500'
        : `matches the same errors as errors[${twin}]: the response is 500`
    return [
      { severity: 'warning', path: ['errors', i], message, hint: 'give each handler a different `when`' },
    ]
  })
}

const SEVERAL_MATCH = misconfiguredErrors('several error handlers of the rule match the error')
const NONE_MATCHES = misconfiguredErrors('no error handler matches the error')
/** How the access log names them. */
const SELECTION_FAULTS: ReadonlyMap<Denial, string> = new Map([
  [SEVERAL_MATCH, 'several_match'],
  [NONE_MATCHES, 'none_matches'],
])
