/** clients/objects_s3 — one object of S3 or of a store that speaks like it. The only importer of AWS's client; region and credentials are found as all of AWS's tools find them. */
import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { ObjectUrl } from '../../http/object_url.ts'
import { ClientFault, collect, type ObjectReader, TooLarge } from './object.ts'

/** Tries of one read, the first included. */
const TRIES = 3
/** Milliseconds. */
const CONNECT = 5_000

export function openS3(url: ObjectUrl): ObjectReader {
  const client = new S3Client(configOf(url))
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
        if ((answer.ContentLength ?? 0) > maxBytes) throw new TooLarge()
        return { etag: answer.ETag, body: await collect(body, maxBytes) }
      } finally {
        body.destroy()
      }
    },
    close: () => client.destroy(),
  }
}

function configOf({ options }: ObjectUrl): S3ClientConfig {
  const on = (name: string): boolean => options.get(name) === 'true'
  const text = <K extends string>(option: string, key: K) => {
    const value = options.get(option)
    return value === undefined ? {} : ({ [key]: value } as Record<K, string>)
  }
  const endpoint = endpointOf(options.get('endpoint'), on('disable_https'))
  return {
    maxAttempts: TRIES,
    requestHandler: { connectionTimeout: CONNECT },
    // Stores that only speak like S3 send no checksums, or others.
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...text('region', 'region'),
    ...text('profile', 'profile'),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(on('use_path_style') ? { forcePathStyle: true } : {}),
    ...(on('accelerate') ? { useAccelerateEndpoint: true } : {}),
    ...(on('dualstack') ? { useDualstackEndpoint: true } : {}),
    ...(on('fips') ? { useFipsEndpoint: true } : {}),
    ...(on('anonymous') ? ANONYMOUS : {}),
  }
}

/** Public objects: nothing is signed. */
const ANONYMOUS: S3ClientConfig = {
  credentials: { accessKeyId: '', secretAccessKey: '' },
  signer: { sign: async request => request },
}

/** A bare host is https, unless said otherwise. */
function endpointOf(text: string | undefined, plain: boolean): string | undefined {
  if (text === undefined || text === '') return undefined
  return /^https?:\/\//i.test(text) ? text : `${plain ? 'http' : 'https'}://${text}`
}

const isNotModified = (error: unknown): boolean =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 304

const withRegionHint = (error: unknown): unknown =>
  error instanceof Error && /^region is missing/i.test(error.message)
    ? new ClientFault('no region is known: add ?region=… to the address or set AWS_REGION')
    : error
