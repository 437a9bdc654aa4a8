/** clients/objects_s3 — one object of S3 or of a store that speaks like it. The only importer of AWS's client; region and credentials are found as all of AWS's tools find them. */
import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { ObjectUrl } from '../../http/object_url.ts'
import { collectBody, ObjectClientSetupError, type ObjectReader, ObjectTooLargeError } from './object.ts'

/** Tries of one read, the first included. */
const MAX_ATTEMPTS = 3
/** Milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000

export function openS3Reader(url: ObjectUrl): ObjectReader {
  const client = new S3Client(clientConfig(url))
  return {
    async read({ etag, maxBytes, timeout, signal }) {
      const command = new GetObjectCommand({
        Bucket: url.bucket,
        Key: url.key,
        ...(etag === undefined ? {} : { IfNoneMatch: etag }),
      })
      const answer = await client
        .send(command, { abortSignal: signal, requestTimeout: timeout })
        .catch((error: unknown) => {
          if (isNotModified(error)) return undefined
          throw withRegionHint(error)
        })
      if (answer === undefined) return undefined
      const body = answer.Body as AsyncIterable<Uint8Array> & { destroy(): void }
      try {
        if ((answer.ContentLength ?? 0) > maxBytes) throw new ObjectTooLargeError()
        return { etag: answer.ETag, body: await collectBody(body, maxBytes) }
      } finally {
        body.destroy()
      }
    },
    close: () => client.destroy(),
  }
}

function clientConfig({ options }: ObjectUrl): S3ClientConfig {
  const isEnabled = (name: string): boolean => options.get(name) === 'true'
  const textOption = <K extends string>(option: string, key: K) => {
    const value = options.get(option)
    return value === undefined ? {} : ({ [key]: value } as Record<K, string>)
  }
  const endpoint = endpointUrl(options.get('endpoint'), isEnabled('disable_https'))
  return {
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS },
    // Stores that only speak like S3 send no checksums, or others.
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...textOption('region', 'region'),
    ...textOption('profile', 'profile'),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(isEnabled('use_path_style') ? { forcePathStyle: true } : {}),
    ...(isEnabled('accelerate') ? { useAccelerateEndpoint: true } : {}),
    ...(isEnabled('dualstack') ? { useDualstackEndpoint: true } : {}),
    ...(isEnabled('fips') ? { useFipsEndpoint: true } : {}),
    ...(isEnabled('anonymous') ? ANONYMOUS_CONFIG : {}),
  }
}

/** Public objects: nothing is signed. */
const ANONYMOUS_CONFIG: S3ClientConfig = {
  credentials: { accessKeyId: '', secretAccessKey: '' },
  signer: { sign: async request => request },
}

/** A bare host is https, unless said otherwise. */
function endpointUrl(text: string | undefined, isPlainHttp: boolean): string | undefined {
  if (text === undefined || text === '') return undefined
  return /^https?:\/\//i.test(text) ? text : `${isPlainHttp ? 'http' : 'https'}://${text}`
}

const isNotModified = (error: unknown): boolean =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 304

const withRegionHint = (error: unknown): unknown =>
  error instanceof Error && /^region is missing/i.test(error.message)
    ? new ObjectClientSetupError('no region is known: add ?region=… to the address or set AWS_REGION')
    : error
