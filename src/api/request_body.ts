/** Reads the body of an api request up to a limit. */
import type { IncomingMessage } from 'node:http'

/**
 * The body, or `undefined` where it is longer than `maxBytes`. The rest of a body that is too long stays
 * unread, and the connection stays open for the answer. Rejects where the client closes the connection in the
 * middle.
 */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}
