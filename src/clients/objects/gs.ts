/** clients/objects_gs — one object of Google Cloud Storage. The only importer of Google's client, which finds its credentials as all of Google's libraries do. */
import { Storage } from '@google-cloud/storage'
import type { ObjectUrl } from '../../http/object_url.ts'
import { collect, type ObjectReader, TooLarge } from './object.ts'

/** Further tries after a failure that may pass. */
const RETRIES = 2
/** Milliseconds of one HTTP call. */
const CALL = 10_000

export function openGs(url: ObjectUrl): ObjectReader {
  const universe = url.options.get('universe_domain')
  const storage = new Storage({
    timeout: CALL,
    retryOptions: { maxRetries: RETRIES, totalTimeout: CALL / 1_000 },
    ...(universe === undefined ? {} : { universeDomain: universe }),
  })
  const bucket = storage.bucket(url.bucket)
  return {
    /** The client has no conditional read: what stands there is asked first, and read only where it is news. */
    async read({ etag, maxBytes, signal }) {
      const [metadata] = await bucket.file(url.key).getMetadata()
      signal.throwIfAborted()
      if (etag !== undefined && metadata.etag === etag) return undefined
      if (Number(metadata.size ?? 0) > maxBytes) throw new TooLarge()
      // Of this generation, so that etag and content belong together.
      const { generation } = metadata
      const file = bucket.file(url.key, generation === undefined ? {} : { generation })
      const stream = file.createReadStream()
      signal.addEventListener('abort', () => stream.destroy(), { once: true })
      return { etag: metadata.etag, body: await collect(stream, maxBytes) }
    },
    close() {},
  }
}
