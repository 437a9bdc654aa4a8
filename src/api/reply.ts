/** api/reply — what the api port says, as values. Knows no socket. */
import { statusText } from '../http/status_text.ts'

export interface Reply {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

export function jsonReply(status: number, value: unknown): Reply {
  return {
    status,
    headers: [
      ['content-type', 'application/json; charset=utf-8'],
      ['cache-control', 'no-store'],
    ],
    body: JSON.stringify(value),
  }
}

/** The shape of Ory's errors. `message` is shown to whoever asks. */
export function jsonErrorReply(status: number, message: string): Reply {
  return jsonReply(status, { error: { code: status, status: statusText(status), message } })
}

export const internalErrorReply = (): Reply => jsonErrorReply(500, 'An internal server error occurred')

/** 404 in the form that was asked for, HTML unless JSON or plain text is (spec 9.1). */
export function notFoundReply(accept = ''): Reply {
  if (accept.includes('application/json'))
    return jsonErrorReply(404, 'The requested resource could not be found')
  if (accept.includes('text/plain')) return notFoundPage('text/plain', '404 page not found\n')
  return notFoundPage('text/html', '<!doctype html><title>404</title><p>404 page not found</p>\n')
}

const notFoundPage = (type: string, body: string): Reply => ({
  status: 404,
  headers: [
    ['content-type', `${type}; charset=utf-8`],
    ['x-content-type-options', 'nosniff'],
  ],
  body,
})
