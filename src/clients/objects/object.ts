/** One object of a cloud's store, as every store's client reads it. */

import type { ObjectUrl } from '../../http/object_url.ts'
import type { Millis } from '../../lib/time.ts'

export interface ObjectReadRequest {
  /** Of the content that is known already. */
  readonly etag: string | undefined
  /** Most bytes of content. */
  readonly maxBytes: number
  readonly timeout: Millis
  /** Aborted when the time is over. */
  readonly signal: AbortSignal
}

/** `undefined`: the content still has the etag that was asked with. */
export type ObjectContent = { readonly etag: string | undefined; readonly body: Buffer } | undefined

/** One object of one store. Rejects with whatever the client of that store throws, or with `TooLarge`. */
export interface ObjectReader {
  read(question: ObjectReadRequest): Promise<ObjectContent>
  close(): void
}

export class ObjectTooLargeError extends Error {}

/** What a client cannot know by itself: for people, with what to do. */
export class ObjectClientSetupError extends Error {}

export type OpenObjectReader = (url: ObjectUrl, env: NodeJS.ProcessEnv) => ObjectReader

/** All bytes of a stream, or `TooLarge` as soon as there are more. */
export async function collectBody(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > maxBytes) throw new ObjectTooLargeError()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
