/** handlers/parts/select_responder — which error handler answers (spec 7.1). Knows no handler by name. */
import { type Denial, denial } from '../../access/denial.ts'
import type { DenialResponse, Responder } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { BuiltResponder, HandlerDiagnostic } from '../builder.ts'
import { jsonErrorResponse } from './error_body.ts'

/**
 * One responder that chooses: of the rule's own error handlers the one whose `when` fits, else the first fitting
 * fallback. Two that fit, a broken one, or none are 500, told as if verbose. A handler of the rule that is unknown
 * or cannot be configured so is a 500 for every error; a broken fallback is one as soon as its turn comes.
 */
export function selectResponders(
  own: readonly BuiltResponder[],
  fallback: readonly BuiltResponder[],
): readonly Responder[] {
  const misconfiguration = own.find(one => one.invalidatesRule)?.misconfiguration
  const respond = (refused: Denial, request: RequestView): DenialResponse => {
    const chosen = misconfiguration ?? chooseResponder(own, fallback, refused, request)
    return 'status' in chosen ? jsonErrorResponse(chosen, request, true) : chosen.respond(refused, request)
  }
  return [{ id: 'errors', when: () => true, respond }]
}

function chooseResponder(
  own: readonly BuiltResponder[],
  fallback: readonly BuiltResponder[],
  refused: Denial,
  request: RequestView,
): BuiltResponder | Denial {
  const fitting = own.filter(one => one.when(refused, request))
  if (fitting.length > 1) return SEVERAL_MATCH
  if (fitting[0] !== undefined) return fitting[0].misconfiguration ?? fitting[0]
  const next = fallback.find(one => one.misconfiguration !== undefined || one.when(refused, request))
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

/** Handlers of one rule that must fit together: whoever wrote both wanted one of them. `path` leads from the rule. */
export function lintResponders(own: readonly BuiltResponder[]): readonly HandlerDiagnostic[] {
  return own.flatMap(({ conditionKey: condition }, i): HandlerDiagnostic[] => {
    const twin = own.findIndex(
      (other, j) => j !== i && (condition === '' || (j < i && other.conditionKey === condition)),
    )
    if (twin < 0) return []
    const message =
      condition === ''
        ? 'fits every error: where another handler of the rule fits, too, the answer is 500'
        : `fits the same errors as errors[${twin}]: the answer is 500`
    return [{ severity: 'warning', path: ['errors', i], message, hint: 'let `when` tell them apart' }]
  })
}

const SEVERAL_MATCH = misconfiguredErrors('more than one error handler of the rule fits the error')
const NONE_MATCHES = misconfiguredErrors('no error handler fits the error')
