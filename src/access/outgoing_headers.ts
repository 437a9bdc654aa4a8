/** Denies a decision that would send a header that no message may carry. */
import { headersProblem } from '../http/header_rules.ts'
import { builtInResponse } from './built_in_response.ts'
import { type Decision, refuse } from './decision.ts'
import { internalError, withAnnotations } from './denial.ts'

/**
 * The decision itself, or a 500 denial where one of its headers is not valid. Envoy writes headers out
 * unchecked, so a header that frames the message or has a line break would let a client smuggle a request.
 */
export function validateOutgoingHeaders(decision: Decision): Decision {
  const problem =
    decision.kind === 'allow'
      ? (headersProblem(decision.headers, 'request') ?? headersProblem(decision.responseHeaders, 'response'))
      : headersProblem(decision.headers, 'response')
  if (problem === undefined) return decision
  const { revision, rule, authenticator, subject, refusedBy, annotations } = decision.metadata
  return refuse(builtInResponse(500), withAnnotations(internalError('template', problem), annotations), {
    revision,
    rule,
    authenticator,
    subject,
    refusedBy,
  })
}
