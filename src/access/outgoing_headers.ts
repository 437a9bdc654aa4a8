/** Refuses a decision whose headers must not leave. */

import { headersProblem } from '../http/header_rules.ts'
import { builtInResponse } from './decide.ts'
import { type Decision, refuse } from './decision.ts'
import { internalError, withAnnotations } from './denial.ts'

/** The decision, or the 500 that it becomes because a header of it may not leave (D2, J6). */
export function validateOutgoingHeaders(decision: Decision): Decision {
  const problem =
    decision.kind === 'allow'
      ? (headersProblem(decision.headers, 'request') ?? headersProblem(decision.responseHeaders, 'response'))
      : headersProblem(decision.headers, 'response')
  if (problem === undefined) return decision
  const { rule, authenticator, refusedBy, annotations } = decision.metadata
  return refuse(builtInResponse(500), withAnnotations(internalError('template', problem), annotations), {
    rule,
    authenticator,
    refusedBy,
  })
}
