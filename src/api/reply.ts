/** Replies of the api server as values, in the shapes of Ory's APIs. */
import type { ServerResponse } from 'node:http'
import { statusText } from '../http/status_text.ts'

export interface Reply {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** Writes the body and ends the response, in place of `body`. */
  readonly stream?: (response: ServerResponse) => void
}

/** A JSON reply that no cache may store. */
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

/** An error in the shape of Ory's errors. The client sees `message`. */
export function jsonErrorReply(status: number, message: string): Reply {
  return jsonReply(status, { error: { code: status, status: statusText(status), message } })
}

/** 500 without the cause. */
export const internalErrorReply = (): Reply => jsonErrorReply(500, 'An internal server error occurred')

/** 413. */
export const bodyTooLargeReply = (): Reply => jsonErrorReply(413, 'The request body is too large')

/** 404 in the form that the `Accept` header asks for: HTML unless it names JSON or plain text. */
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
