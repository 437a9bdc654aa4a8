/** Encodes a decision as the bytes of a CheckResponse. No other code writes its status. */
import { builtInResponse } from '../access/built_in_response.ts'
import {
  type Allow,
  createDecisionProgress,
  type Decision,
  type DecisionMetadata,
  type Deny,
  refuse,
} from '../access/decision.ts'
import { internalError } from '../access/denial.ts'
import type { Header } from '../access/session.ts'
import { ProtobufWriter } from '../grpc/protobuf_writer.ts'
import { statusText } from '../http/status_text.ts'

/** google.rpc.Code. Envoy forwards a request for 0 only, and only `writeAllow` writes 0. */
const OK = 0
const PERMISSION_DENIED = 7
const UNAUTHENTICATED = 16

/**
 * `append: { value: false }` and `append_action: OVERWRITE_IF_EXISTS_OR_ADD`. Envoy up to 1.40 reads `append`
 * only.
 */
const OVERWRITE_FIELDS = Uint8Array.of(0x12, 0x00, 0x18, 0x02)
/** Longest body of a denial; the rest is cut off. By default Envoy has no limit. */
const MAX_BODY_CHARS = 64 * 1024

const writer = new ProtobufWriter()

/**
 * The bytes of a CheckResponse. With `grpc`, a denial has an error status and its text in place of a redirect
 * or a page, because a gRPC client can use neither. `showSubject` gives the subject as Envoy may log it.
 */
export function encodeDecision(
  decision: Decision,
  grpc: boolean,
  showSubject: (subject: string) => string,
): Buffer {
  writer.reset()
  if (decision.kind === 'allow') writeAllow(decision)
  else writeDeny(decision, grpc)
  writeDynamicMetadata(decision.metadata, showSubject)
  return writer.toBuffer()
}

function writeAllow(allow: Allow): void {
  writer.message(1, () => writer.varint(1, OK))
  writer.message(3, () => {
    for (const header of allow.headers) writeHeader(2, header, true)
    for (const name of allow.remove) writer.text(5, name)
    // Without `append` and `append_action` Envoy adds the header, so that several Set-Cookie headers and
    // those of the upstream are kept.
    for (const header of allow.responseHeaders) writeHeader(6, header, header.name !== 'set-cookie')
  })
}

function writeDeny(deny: Deny, grpc: boolean): void {
  const status = validHttpStatus(grpc && deny.status < 400 ? 401 : deny.status)
  const hasNoBody = status === 204 || status === 205 || status === 304
  const body = hasNoBody ? '' : grpc ? statusText(status) : deny.body.slice(0, MAX_BODY_CHARS).toWellFormed()
  writer.message(1, () => writer.varint(1, status === 401 ? UNAUTHENTICATED : PERMISSION_DENIED))
  writer.message(2, () => {
    writer.message(1, () => writer.varint(1, status))
    for (const header of deny.headers) {
      if (grpc && (header.name === 'location' || header.name === 'content-type')) continue
      writeHeader(2, header, header.name !== 'set-cookie' && header.name !== 'www-authenticate')
    }
    if (!deny.headers.some(header => header.name === 'cache-control')) writeHeader(2, NO_STORE, true)
    if (body !== '') writer.text(3, body)
  })
}

/** A cache must not store a denial: the next request of this URL may be allowed. */
const NO_STORE: Header = { name: 'cache-control', value: 'no-store' }

function writeHeader(field: number, header: Header, overwrite: boolean): void {
  writer.message(field, () => {
    writer.message(1, () => {
      writer.text(1, header.name)
      if (header.value !== '') writer.text(2, header.value)
    })
    if (overwrite) writer.bytes(OVERWRITE_FIELDS)
  })
}

/**
 * A google.protobuf.Struct, which Envoy stores under `envoy.filters.http.ext_authz` and access logs print. It contains
 * nothing of the request itself: no URL, header or duration. Envoy knows those.
 */
function writeDynamicMetadata(metadata: DecisionMetadata, showSubject: (subject: string) => string): void {
  writer.message(4, () => {
    writeMetadataText('rule', metadata.rule)
    writeMetadataText('code', metadata.code)
    writeMetadataText('authenticator', metadata.authenticator)
    writeMetadataText('refused_by', metadata.refusedBy)
    writeMetadataText('error_handler', metadata.errorHandler)
    writeMetadataText('subject', showSubject(metadata.subject))
    writeMetadataText('cache', metadata.annotations.cache ?? '')
    writeMetadataText('revision', metadata.revision)
  })
}

/** An entry of the map `Struct.fields` with a `string_value`. Envoy prints a missing one as `-` or null. */
function writeMetadataText(key: string, value: string): void {
  if (value === '') return
  writer.message(1, () => {
    writer.text(1, key)
    writer.message(2, () => writer.text(3, value))
  })
}

/** Envoy sends any number. A status below 200 or above 599 makes clients misread the connection. */
const validHttpStatus = (status: number): number =>
  Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500

/** A 500 denial. It is encoded at start, so that sending it cannot fail. */
export const INTERNAL_ERROR_RESPONSE: Buffer = encodeDecision(
  refuse(
    builtInResponse(500),
    internalError('internal', 'An internal error occurred'),
    createDecisionProgress(),
  ),
  false,
  () => '',
)
