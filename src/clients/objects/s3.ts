/**
 * Reads one object of S3 or of a compatible store, with the region and credentials of AWS's default provider
 * chain.
 */
import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { ObjectUrl } from '../../http/object_url.ts'
import { collectBody, ObjectClientSetupError, type ObjectReader, ObjectTooLargeError } from './object.ts'

/** Attempts for one read, including the first. */
const MAX_ATTEMPTS = 3
const CONNECT_TIMEOUT_MS = 5_000

/** The client finds its region and credentials with the first read. */
export function openS3Reader(url: ObjectUrl): ObjectReader {
  const client = new S3Client(clientConfig(url))
  return {
    async read({ etag, maxBytes, timeout, signal }) {
      const command = new GetObjectCommand({
        Bucket: url.bucket,
        Key: url.key,
        ...(etag === undefined ? {} : { IfNoneMatch: etag }),
      })
      const response = await client
        .send(command, { abortSignal: signal, requestTimeout: timeout })
        .catch((error: unknown) => {
          if (isNotModified(error)) return undefined
          throw withRegionHint(error)
        })
      if (response === undefined) return undefined
      const body = response.Body as AsyncIterable<Uint8Array> & { destroy(): void }
      try {
        if ((response.ContentLength ?? 0) > maxBytes) throw new ObjectTooLargeError()
        return { etag: response.ETag, body: await collectBody(body, maxBytes) }
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
    // Compatible stores send no checksums or other ones.
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

/** Public objects are read without a signature. */
const ANONYMOUS_CONFIG: S3ClientConfig = {
  credentials: { accessKeyId: '', secretAccessKey: '' },
  signer: { sign: async request => request },
}

/** A host without a scheme gets `https`, or `http` if `disable_https` is set. */
function endpointUrl(text: string | undefined, isPlainHttp: boolean): string | undefined {
  if (text === undefined || text === '') return undefined
  return /^https?:\/\//i.test(text) ? text : `${isPlainHttp ? 'http' : 'https'}://${text}`
}

const isNotModified = (error: unknown): boolean =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 304

const withRegionHint = (error: unknown): unknown =>
  error instanceof Error && /^region is missing/i.test(error.message)
    ? new ObjectClientSetupError('the region is unknown: add ?region=… to the URL or set AWS_REGION')
    : error
