/** test/fakes/services — a handler built as the builder builds it, in a world whose answers the test writes. */
import type { RequestView } from '../../src/access/request.ts'
import type { Credential, Verdict } from '../../src/access/verdict.ts'
import type { HttpFailure, HttpResponse, OutgoingRequest } from '../../src/clients/http/message.ts'
import {
  eraseConfigType,
  type Handler,
  type HandlerFunctions,
  type HandlerKind,
} from '../../src/handlers/handler.ts'
import type { KratosEndpoint, Services } from '../../src/handlers/services.ts'
import { fakeClock } from './clock.ts'

export interface VerifyCall {
  readonly endpoint: KratosEndpoint
  readonly credential: Credential
  readonly request: RequestView
}

export interface HandlerHarness {
  readonly services: Services
  /** Calls to the outside. */
  readonly requests: OutgoingRequest[]
  /** Questions about sessions. */
  readonly verifyCalls: VerifyCall[]
  /** What was said at load. */
  readonly warnings: string[]
  /** Endpoints that let somebody in without saying whom. */
  readonly emptySubjects: string[]
}

/** Every call gets `answer`, every question about a session `verdict`; what was not prepared is an accident. */
export function createHandlerHarness(
  results: { answer?: HttpResponse | HttpFailure; verdict?: Verdict } = {},
): HandlerHarness {
  const requests: OutgoingRequest[] = []
  const verifyCalls: VerifyCall[] = []
  const emptySubjects: string[] = []
  const prepared = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('the world was asked for what was not prepared')
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
      },
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
    warn: (path: readonly (string | number)[], message: string) =>
      harness.warnings.push(`${path.join('.')}: ${message}`),
  } as const
  return eraseConfigType(handler).build(config, harness.services, context).run
}
