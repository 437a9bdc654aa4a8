/** handlers/parts/select_responder — which error handler answers (spec 7.1). Knows no handler by name. */
import { type Denial, denial } from '../../access/denial.ts'
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
  const respond = (refused: Denial, request: RequestView): Answer => {
    const chosen = choose(own, fallback, refused, request)
    return 'status' in chosen ? jsonAnswer(chosen, request, true) : chosen.respond(refused, request)
  }
  return [{ id: 'errors', when: () => true, respond }]
}

function choose(
  own: readonly BuiltResponder[],
  fallback: readonly BuiltResponder[],
  refused: Denial,
  request: RequestView,
): BuiltResponder | Denial {
  const fitting = own.filter(one => one.when(refused, request))
  if (fitting.length > 1) return SEVERAL
  const chosen = fitting[0] ?? fallback.find(one => one.when(refused, request))
  return chosen === undefined ? NONE : chosen.broken === undefined ? chosen : broken(chosen.broken.message)
}

const broken = (reason: string): Denial =>
  denial(
    500,
    'rule_misconfigured',
    'An internal server error occurred, please contact the system administrator',
    {
      reason,
    },
  )

const SEVERAL = broken('more than one error handler of the rule fits the error')
const NONE = broken('no error handler fits the error')
