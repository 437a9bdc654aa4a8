/** handlers/parts/select_responder — which error handler answers (spec 7.1). Knows no handler by name. */
import { type Denial, internal } from '../../access/denial.ts'
import type { Answer, Responder } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { BuiltResponder } from '../builder.ts'
import { jsonAnswer } from './error_body.ts'

/**
 * One responder that chooses: of the rule's own error handlers the one whose `when` fits, else the first fitting
 * fallback. Two that fit, a broken one, or none are 500, told as if verbose.
 */
export function selectResponders(
  own: readonly BuiltResponder[],
  fallback: readonly BuiltResponder[],
): readonly Responder[] {
  const respond = (denial: Denial, request: RequestView): Answer => {
    const chosen = choose(own, fallback, denial, request)
    return 'status' in chosen ? jsonAnswer(chosen, request, true) : chosen.respond(denial, request)
  }
  return [{ id: 'errors', when: () => true, respond }]
}

function choose(
  own: readonly BuiltResponder[],
  fallback: readonly BuiltResponder[],
  denial: Denial,
  request: RequestView,
): BuiltResponder | Denial {
  const fitting = own.filter(one => one.when(denial, request))
  if (fitting.length > 1) return SEVERAL
  const chosen = fitting[0] ?? fallback.find(one => one.when(denial, request))
  return chosen === undefined ? NONE : (chosen.broken ?? chosen)
}

const SEVERAL = internal(
  'rule_misconfigured',
  'Found more than one error handling strategy that matches the error',
)
const NONE = internal('rule_misconfigured', 'Found no matching error handling strategy for the error')
