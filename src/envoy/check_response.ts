/** envoy/encode — a decision to the bytes of a CheckResponse. The only code that names a status: 0 for a decision of `grant`, else a refusal. */
import { builtInResponse } from '../access/built_in_response.ts'
import { type Allow, createDecisionProgress, type Decision, type Deny, refuse } from '../access/decision.ts'
import { internalError } from '../access/denial.ts'
import type { Header } from '../access/session.ts'
import { ProtobufWriter } from '../grpc/protobuf_writer.ts'
import { statusText } from '../http/status_text.ts'

/** google.rpc.Code. Only zero allows, and only `writeAllow` writes it (F3). */
const OK = 0
const PERMISSION_DENIED = 7
const UNAUTHENTICATED = 16

/** `append: { value: false }` and `append_action: OVERWRITE_IF_EXISTS_OR_ADD`; Envoy up to 1.40 reads the first only (D1). */
const OVERWRITE_FIELDS = Uint8Array.of(0x12, 0x00, 0x18, 0x02)
/** Characters; Envoy cuts none unless told to. */
const MAX_BODY_CHARS = 64 * 1024

const writer = new ProtobufWriter()

/** `decision` is fit to leave (access/header_rules). `grpc`: the client gets a status it can read, no page and no redirect (D17). */
export function encodeDecision(decision: Decision, grpc: boolean): Buffer {
  writer.reset()
  if (decision.kind === 'allow') writeAllow(decision)
  else writeDeny(decision, grpc)
  return writer.toBuffer()
}

function writeAllow(allow: Allow): void {
  writer.message(1, () => writer.varint(1, OK))
  writer.message(3, () => {
    for (const header of allow.headers) writeHeader(2, header, true)
    for (const name of allow.remove) writer.text(5, name)
    // With neither append nor an action Envoy adds, so that several Set-Cookie and the upstream's own survive (D13).
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

/** A refusal must not be kept by anybody on the way (D15). */
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

/** Envoy sends any number out as it is; below 200 and above 599 clients lose step (J5). */
const validHttpStatus = (status: number): number =>
  Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500

/** Made before the first request, so that it can be sent when nothing else works. */
export const INTERNAL_ERROR_RESPONSE: Buffer = encodeDecision(
  refuse(builtInResponse(500), internalError('internal', 'accident'), createDecisionProgress()),
  false,
)
