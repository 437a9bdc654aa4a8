/** Compiles handlers and creates sessions for tests. */

import type { Denial } from '../../src/access/denial.ts'
import type { RequestView } from '../../src/access/request.ts'
import { createSession, identity, type Session } from '../../src/access/session.ts'
import {
  eraseConfigType,
  type Handler,
  type HandlerFunctions,
  type HandlerKind,
} from '../../src/handlers/handler.ts'
import type { Services } from '../../src/handlers/services.ts'
import type { Instant, WallTime } from '../../src/lib/time.ts'
import { testPages } from '../support/handler_harness.ts'
import { requestWith } from '../support/request.ts'

const clock = { now: () => 0 as Instant, wall: () => 0 as WallTime }

/** Throws the error of the decoder or of `compile`. */
export function compileHandler<K extends HandlerKind, C>(
  handler: Handler<K, C>,
  config?: unknown,
  services: Partial<Services> = {},
): HandlerFunctions[K] {
  const warnings: string[] = []
  const context = {
    strategy: 'regexp' as const,
    pages: testPages(),
    warn: (_path: unknown, message: string) => void warnings.push(message),
  }
  return eraseConfigType(handler).build(config, { clock, ...services } as Services, context).run
}

export const sessionOf = (
  subject: string,
  extra?: Parameters<typeof identity>[1],
  request: RequestView = requestWith(),
): Session => createSession(identity(subject, extra), request, [])

export function assertDenial(outcome: unknown): asserts outcome is Denial {
  if (typeof outcome !== 'object' || outcome === null || !('kind' in outcome) || outcome.kind !== 'denial') {
    throw new Error('not a denial')
  }
}
