/** The interface of one object in a cloud store, which every store's client implements. */

import type { ObjectUrl } from '../../http/object_url.ts'
import type { Millis } from '../../lib/time.ts'

/** One conditional read. */
export interface ObjectReadRequest {
  /** ETag of the content that the caller already has. */
  readonly etag: string | undefined
  /** Maximum size of the content. */
  readonly maxBytes: number
  readonly timeout: Millis
  /** Aborted when `timeout` has passed. */
  readonly signal: AbortSignal
}

/** `undefined`: the content is unchanged since the given ETag. */
export type ObjectContent = { readonly etag: string | undefined; readonly body: Buffer } | undefined

/** Reads one object of one store. */
export interface ObjectReader {
  /** Rejects with an error of the store's client or with `ObjectTooLargeError`. */
  read(request: ObjectReadRequest): Promise<ObjectContent>
  close(): void
}

/** The object exceeds `maxBytes`. */
export class ObjectTooLargeError extends Error {}

/** The client lacks something on this machine. The message is for operators and says what to do. */
export class ObjectClientSetupError extends Error {}

/** Opens the reader of one object. `env` holds the variables of the process. */
export type OpenObjectReader = (url: ObjectUrl, env: NodeJS.ProcessEnv) => ObjectReader

/** Reads a stream to its end. Rejects with `ObjectTooLargeError` as soon as it exceeds `maxBytes`. */
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
