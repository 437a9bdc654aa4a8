/** Responses of denials that no responder renders: Oathkeeper's JSON error. */
import type { DenialResponse } from './pipeline.ts'

/** By HTTP status: its text and a message. Texts and messages are Oathkeeper's where Oathkeeper has them. */
const MESSAGES: ReadonlyMap<number, readonly [status: string, message: string]> = new Map([
  [400, ['Bad Request', 'The request was malformed or contained invalid parameters']],
  [431, ['Request Header Fields Too Large', 'The request has too many headers']],
  [
    500,
    ['Internal Server Error', 'An internal server error occurred, please contact the system administrator'],
  ],
  [503, ['Service Unavailable', 'The service is unavailable']],
])

/** A response of this HTTP status with Oathkeeper's JSON error as its body. Reveals nothing of the denial. */
export function builtInResponse(status: number): DenialResponse {
  const [text, message] = MESSAGES.get(status) ?? ['', 'The request was refused']
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
