/** access/decide — from a request to a decision. Knows no Envoy, no files, no clock. */
import { type Awaitable, after } from './awaitable.ts'
import { type Decision, grant, nowhere, refuse, type Where } from './decision.ts'
import { type Denial, internal, noted, denial as refusal } from './denial.ts'
import { type Answer, authenticate, follow, type Responder } from './pipeline.ts'
import type { RequestView } from './request.ts'
import type { Found } from './rule.ts'
import { openSession } from './session.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * One decision for one request. Whatever a handler throws is a 500 denial (F4): an accident means no. `where` tells
 * whoever stops waiting how far it came.
 */
export function decide(
  snapshot: Snapshot,
  request: RequestView,
  where: Where = nowhere(),
): Awaitable<Decision> {
  const responders = { current: snapshot.fallback }
  const deny = (denial: Denial): Decision =>
    refuse(respond(denial, request, responders.current), denial, where)
  return after(
    undefined,
    (): Awaitable<Decision> => {
      const found = snapshot.find(request)
      if (found.kind === 'denial') return deny(found)
      where.rule = found.rule.id
      responders.current = found.rule.responders
      return walk(snapshot, request, found, where, deny)
    },
    error => deny(internal('internal', 'An internal error occurred', error)),
  )
}

function walk(
  snapshot: Snapshot,
  request: RequestView,
  { rule, captures }: Found,
  where: Where,
  deny: (denial: Denial) => Decision,
): Awaitable<Decision> {
  return after(authenticate(rule.authenticators, request), (who): Awaitable<Decision> => {
    where.authenticator = who.by
    if (who.kind === 'refused') {
      where.refusedBy = who.by
      return deny(who.denial)
    }
    return after(follow(rule.steps, openSession(who.identity, request, captures)), end => {
      if (end.kind === 'session') return grant(end, rule.id, who.by, snapshot.writes)
      where.refusedBy = end.by
      return deny(noted(end.denial, who.identity.notes))
    })
  })
}

/** The answer of the responder that is responsible, else the built-in one (spec 7.1). A responder that throws does not answer. */
function respond(denial: Denial, request: RequestView, responders: readonly Responder[]): Answer {
  try {
    const chosen = responders.find(responder => responder.when(denial, request))
    if (chosen !== undefined) return chosen.respond(denial, request)
  } catch {
    return builtIn(500)
  }
  return builtIn(denial.status)
}

/** Status text and message of the built-in answers, Oathkeeper's where it has them (spec 7.3). */
const BUILT_IN: ReadonlyMap<number, readonly [status: string, message: string]> = new Map([
  [400, ['Bad Request', 'The request was malformed or contained invalid parameters']],
  [431, ['Request Header Fields Too Large', 'The request has too many headers']],
  [
    500,
    ['Internal Server Error', 'An internal server error occurred, please contact the system administrator'],
  ],
  [503, ['Service Unavailable', 'The service is unavailable']],
])

/** Oathkeeper's JSON, where no responder can be asked. */
export function builtIn(status: number): Answer {
  const [text, message] = BUILT_IN.get(status) ?? ['', 'The request was refused']
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

const TOO_LATE = refusal(503, 'deadline', 'The service is unavailable', {
  reason: 'no decision within the time that there was',
  headers: [{ name: 'retry-after', value: '1' }],
})

/** For a request that no rule was looked for: it could not be read, or there are no rules yet. */
export const withoutRule = (why: Denial): Decision => refuse(builtIn(why.status), why, nowhere())

/** Not every rule repository has been loaded once. */
export const NOT_LOADED = refusal(503, 'rules_not_loaded', 'The rules have not been loaded', {
  reason: 'the rules have not been loaded',
  headers: [{ name: 'retry-after', value: '1' }],
})

/** A decision that was not there in time is a 503, whatever it would have become (F1). */
export const tooLate = (where: Where): Decision => refuse(builtIn(503), TOO_LATE, where)
