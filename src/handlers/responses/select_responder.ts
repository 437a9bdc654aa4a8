/** Selects the error handler that responds to a denial. */
import { type Denial, denial } from '../../access/denial.ts'
import type { DenialResponse, Responder } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { BuiltResponder } from '../builder.ts'
import type { HandlerDiagnostic } from '../compile/diagnostics.ts'
import { jsonErrorResponse } from './error_body.ts'

/**
 * Returns one responder for a rule. It uses the error handler of the rule whose `when` matches, else the first
 * matching fallback.
 *
 * The response is a 500 with a verbose body in three cases: several handlers of the rule match, none
 * matches, or the selected one is misconfigured. A misconfigured fallback counts as matching. An unknown or
 * invalid handler of the rule makes every response a 500.
 */
export function selectResponders(
  own: readonly BuiltResponder[],
  fallback: readonly BuiltResponder[],
): readonly Responder[] {
  const misconfiguration = own.find(responder => responder.invalidatesRule)?.misconfiguration
  const respond = (refused: Denial, request: RequestView): DenialResponse => {
    const chosen = misconfiguration ?? chooseResponder(own, fallback, refused, request)
    return 'status' in chosen
      ? {
          ...jsonErrorResponse(chosen, request, true),
          errorHandler: SELECTION_FAULTS.get(chosen) ?? 'misconfigured',
        }
      : { ...chosen.respond(refused, request), errorHandler: chosen.id }
  }
  return [{ id: 'errors', when: () => true, respond }]
}

function chooseResponder(
  own: readonly BuiltResponder[],
  fallback: readonly BuiltResponder[],
  refused: Denial,
  request: RequestView,
): BuiltResponder | Denial {
  const matching = own.filter(responder => responder.when(refused, request))
  if (matching.length > 1) return SEVERAL_MATCH
  if (matching[0] !== undefined) return matching[0].misconfiguration ?? matching[0]
  const next = fallback.find(
    responder => responder.misconfiguration !== undefined || responder.when(refused, request),
  )
  return next === undefined
    ? NONE_MATCHES
    : next.misconfiguration === undefined
      ? next
      : misconfiguredErrors(next.misconfiguration.message)
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
