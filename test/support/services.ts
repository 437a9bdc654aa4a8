/** test/fakes/services — a handler built as the builder builds it, in a world whose answers the test writes. */
import type { RequestView } from '../../src/access/request.ts'
import type { Credential, Verdict } from '../../src/access/verdict.ts'
import type { Answered, Failed, OutgoingRequest } from '../../src/clients/http/message.ts'
import { type Handler, type Kind, type Run, seal } from '../../src/handlers/handler.ts'
import type { KratosEndpoint, Services } from '../../src/handlers/services.ts'
import { fakeClock } from './clock.ts'

export interface Asked {
  readonly endpoint: KratosEndpoint
  readonly credential: Credential
  readonly request: RequestView
}

export interface World {
  readonly services: Services
  /** Calls to the outside. */
  readonly sent: OutgoingRequest[]
  /** Questions about sessions. */
  readonly asked: Asked[]
  /** What was said at load. */
  readonly warnings: string[]
  /** Endpoints that let somebody in without saying whom. */
  readonly subjectless: string[]
}

/** Every call gets `answer`, every question about a session `verdict`; what was not prepared is an accident. */
export function worldWith(parts: { answer?: Answered | Failed; verdict?: Verdict } = {}): World {
  const sent: OutgoingRequest[] = []
  const asked: Asked[] = []
  const subjectless: string[] = []
  const prepared = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('the world was asked for what was not prepared')
    return value
  }
  return {
    sent,
    asked,
    warnings: [],
    subjectless,
    services: {
      clock: fakeClock(),
      async send(request: OutgoingRequest) {
        sent.push(request)
        return prepared(parts.answer)
      },
      kratos: {
        verify(endpoint: KratosEndpoint, credential: Credential, request: RequestView) {
          asked.push({ endpoint, credential, request })
          return prepared(parts.verdict)
        },
      },
      subjectless: (endpoint: string) => subjectless.push(endpoint),
    } as unknown as Services,
  }
}

export function build<K extends Kind, C>(handler: Handler<K, C>, config: unknown, world: World): Run[K] {
  const context = {
    strategy: 'regexp',
    warn: (path: readonly (string | number)[], message: string) =>
      world.warnings.push(`${path.join('.')}: ${message}`),
  } as const
  return seal(handler).build(config, world.services, context).run
}
