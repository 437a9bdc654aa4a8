/** Reads the bytes of a CheckRequest as the request that Envoy asks about. */
import { badRequest, type Denial, rejectRequestLine } from '../access/denial.ts'
import type { RequestView } from '../access/request.ts'
import { ProtobufError } from '../grpc/protobuf_reader.ts'
import { RequestHead } from '../http/request_head.ts'
import { HTTP_SCHEMES, type RequestLine, readRequestLine } from '../http/request_line.ts'
import type { PathMode } from '../http/request_target.ts'
import type { Instant } from '../lib/time.ts'
import { CheckRequestMessage } from './check_request_message.ts'

/**
 * The request, or the denial of one that is not valid. Never throws for any bytes. Trusts the attributes that
 * Envoy states and no forwarded header, because a client can send any header. `deadline` is monotonic.
 */
export function decodeCheckRequest(
  bytes: Buffer,
  deadline: Instant,
  paths: PathMode,
): CheckRequestView | Denial {
  let message: CheckRequestMessage
  try {
    message = new CheckRequestMessage(bytes)
  } catch (error) {
    if (error instanceof ProtobufError) return badRequest(`the Check cannot be decoded: ${error.message}`)
    throw error
  }
  if (!message.hasHttpRequest) return badRequest('the Check describes no HTTP request')
  const line = readRequestLine(message, HTTP_SCHEMES, paths)
  return line.kind === 'request line'
    ? new CheckRequestView(message, line, deadline)
    : rejectRequestLine(line)
}

/** A decoded request. Headers and cookies become strings when a rule asks for them, because few rules do. */
export class CheckRequestView extends RequestHead implements RequestView {
  readonly kind = 'request'
  #deadline: Instant
  readonly #message: CheckRequestMessage

  constructor(message: CheckRequestMessage, line: RequestLine, deadline: Instant) {
    super(line)
    this.#message = message
    this.#deadline = deadline
  }

  get deadline(): Instant {
    return this.#deadline
  }
  /** Envoy does not wait for the decision any more. Puts the deadline in the past, so that no call of a service begins. */
  cancel(): void {
    this.#deadline = Number.NEGATIVE_INFINITY as Instant
  }

  get remoteAddress(): string {
    return this.#message.sourceAddress
  }
  get sni(): string {
    return this.#message.sni
  }
  get principal(): string {
    return this.#message.principal
  }
  get body(): Uint8Array | undefined {
    return this.#message.body
  }

  header(name: string): string | undefined {
    return this.#message.header(name)
  }
  headerValues(name: string): readonly string[] {
    return this.#message.headerValues(name)
  }
  headerEntries(): Iterable<readonly [string, string]> {
    return this.#message.headerEntries()
  }
  headerNamesWithSymbols(lengths: Uint8Array): readonly string[] {
    return this.#message.headerNamesWithSymbols(lengths)
  }
}
