/** Builds handlers with fake services whose responses the test writes. */

import type { RequestView } from '../../src/access/request.ts'
import type { Credential, Verdict } from '../../src/access/verdict.ts'
import type { HttpFailure, HttpResponse, OutgoingRequest } from '../../src/clients/http/message.ts'
import {
  eraseConfigType,
  type Handler,
  type HandlerFunctions,
  type HandlerKind,
} from '../../src/handlers/handler.ts'
import { createRefusalPages, type RefusalPageOptions } from '../../src/handlers/pages/refusal_pages.ts'
import type { KratosEndpoint, Services } from '../../src/handlers/services.ts'
import { createKeyHash } from '../../src/lib/key_hash.ts'
import { fakeClock } from './clock.ts'

export interface VerifyCall {
  readonly endpoint: KratosEndpoint
  readonly credential: Credential
  readonly request: RequestView
}

export interface HandlerHarness {
  readonly services: Services
  /** HTTP requests of the handler. */
  readonly requests: OutgoingRequest[]
  /** Calls of `services.kratos.verify`. */
  readonly verifyCalls: VerifyCall[]
  /** Warnings at load, each as `path: message`. */
  readonly warnings: string[]
  /** Endpoints that were reported for an empty subject. */
  readonly emptySubjects: string[]
}

/**
 * Every HTTP request resolves to `answer`, every session to `verdict`. A call without a prepared result
 * throws.
 */
export function createHandlerHarness(
  results: { answer?: HttpResponse | HttpFailure; verdict?: Verdict } = {},
): HandlerHarness {
  const requests: OutgoingRequest[] = []
  const verifyCalls: VerifyCall[] = []
  const emptySubjects: string[] = []
  const prepared = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('no result was prepared for this call')
    return value
  }
  return {
    requests,
    verifyCalls,
    warnings: [],
    emptySubjects,
    services: {
      clock: fakeClock(),
      async send(request: OutgoingRequest) {
        requests.push(request)
        return prepared(results.answer)
      },
      kratos: {
        verify(endpoint: KratosEndpoint, credential: Credential, request: RequestView) {
          verifyCalls.push({ endpoint, credential, request })
          return prepared(results.verdict)
        },
        isTokenRevoked: () => false,
      },
      cacheKey: createKeyHash(Buffer.from('secret of a test')),
      reportEmptySubject: (endpoint: string) => emptySubjects.push(endpoint),
    } as unknown as Services,
  }
}

export function buildHandler<K extends HandlerKind, C>(
  handler: Handler<K, C>,
  config: unknown,
  harness: HandlerHarness,
): HandlerFunctions[K] {
  const context = {
    strategy: 'regexp',
    pages: testPages(),
    warn: (path: readonly (string | number)[], message: string) =>
      harness.warnings.push(`${path.join('.')}: ${message}`),
  } as const
  return eraseConfigType(handler).build(config, harness.services, context).run
}

/** Pages without a brand, in English, that are shown at 2026-11-22 05:00:00 UTC. `options` replaces defaults. */
export const testPages = (options: Partial<RefusalPageOptions> = {}) =>
  createRefusalPages(
    {
      enabled: false,
      title: '',
      logo: '',
      accent: undefined,
      supportUrl: '',
      language: 'en',
      ...options,
    },
    fakeClock(),
  )
