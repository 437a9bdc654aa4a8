/** Reads the body of an api request up to a limit. */

import type { IncomingMessage } from 'node:http'

/**
 * The body, or `undefined` where it is longer than `maxBytes`; then the rest is not read, and nothing where
 * `Content-Length` says so. Rejects where the client disconnects in the middle.
 */
export async function readBody(
  message: Pick<IncomingMessage, 'headers' | 'iterator'>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  if (Number(message.headers['content-length'] ?? 0) > maxBytes) return undefined
  const read: Uint8Array[] = []
  let size = 0
  // Destroying the message would close the connection before the reply is sent.
  for await (const chunk of message.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > maxBytes) return undefined
    read.push(chunk)
  }
  return Buffer.concat(read, size)
}
