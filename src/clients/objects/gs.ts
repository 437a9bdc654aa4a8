/** Reads one object of Google Cloud Storage with Application Default Credentials. */
import { Storage } from '@google-cloud/storage'
import type { ObjectUrl } from '../../http/object_url.ts'
import { collectBody, type ObjectReader, ObjectTooLargeError } from './object.ts'

/** Retries after a transient failure. */
const MAX_RETRIES = 2
/** Limit for one HTTP call. */
const CALL_TIMEOUT_MS = 10_000

/** The client finds its credentials with the first read. */
export function openGoogleStorageReader(url: ObjectUrl): ObjectReader {
  const universe = url.options.get('universe_domain')
  const storage = new Storage({
    timeout: CALL_TIMEOUT_MS,
    retryOptions: { maxRetries: MAX_RETRIES, totalTimeout: CALL_TIMEOUT_MS / 1_000 },
    ...(universe === undefined ? {} : { universeDomain: universe }),
  })
  const bucket = storage.bucket(url.bucket)
  return {
    // The client has no conditional read: fetch the metadata first, and the content only if the ETag differs.
    async read({ etag, maxBytes, signal }) {
      const [metadata] = await bucket.file(url.key).getMetadata()
      signal.throwIfAborted()
      if (etag !== undefined && metadata.etag === etag) return undefined
      if (Number(metadata.size ?? 0) > maxBytes) throw new ObjectTooLargeError()
      // Pin the generation, so that ETag and content belong together.
      const { generation } = metadata
      const file = bucket.file(url.key, generation === undefined ? {} : { generation })
      const stream = file.createReadStream()
      signal.addEventListener('abort', () => stream.destroy(), { once: true })
      return { etag: metadata.etag, body: await collectBody(stream, maxBytes) }
    },
    close() {},
  }
}
