/** api/reply — what the api port says, as values. Knows no socket. */
import { statusText } from '../http/status_text.ts'

export interface Reply {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

export function json(status: number, value: unknown): Reply {
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
export function jsonError(status: number, message: string): Reply {
  return json(status, { error: { code: status, status: statusText(status), message } })
}

export const internalError = (): Reply => jsonError(500, 'An internal server error occurred')

/** 404 in the form that was asked for, HTML unless JSON or plain text is (spec 9.1). */
export function notFound(accept = ''): Reply {
  if (accept.includes('application/json')) return jsonError(404, 'The requested resource could not be found')
  if (accept.includes('text/plain')) return page('text/plain', '404 page not found\n')
  return page('text/html', '<!doctype html><title>404</title><p>404 page not found</p>\n')
}

const page = (type: string, body: string): Reply => ({
  status: 404,
  headers: [
    ['content-type', `${type}; charset=utf-8`],
    ['x-content-type-options', 'nosniff'],
  ],
  body,
})
