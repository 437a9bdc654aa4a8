/** Refuses a decision whose headers must not leave. */

import { headerFault } from '../http/header_rules.ts'
import { builtIn } from './decide.ts'
import { type Decision, refuse } from './decision.ts'
import { internal, noted } from './denial.ts'

/** The decision, or the 500 that it becomes because a header of it may not leave (D2, J6). */
export function fitToLeave(decision: Decision): Decision {
  const fault =
    decision.kind === 'allow'
      ? (headerFault(decision.headers, 'request') ?? headerFault(decision.responseHeaders, 'response'))
      : headerFault(decision.headers, 'response')
  if (fault === undefined) return decision
  const { rule, authenticator, refusedBy, notes } = decision.trail
  return refuse(builtIn(500), noted(internal('template', fault), notes), { rule, authenticator, refusedBy })
}
