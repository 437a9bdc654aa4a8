/**
 * Reads one blob of Azure Storage, configured by the environment variables that Oathkeeper's library
 * (gocloud.dev) reads.
 */
import { BlobClient, BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { ObjectUrl } from '../../http/object_url.ts'
import { collectBody, ObjectClientSetupError, type ObjectReader, ObjectTooLargeError } from './object.ts'

/** Attempts for one read, including the first. */
const MAX_ATTEMPTS = 3

/** Creates the client, and finds its credentials, with the first read. */
export function openAzureBlobReader(url: ObjectUrl, env: NodeJS.ProcessEnv): ObjectReader {
  let opened: Promise<BlobClient> | undefined
  return {
    async read({ etag, maxBytes, signal }) {
      opened ??= createBlobClient(url, env)
      const client = await opened.catch((error: unknown) => {
        opened = undefined
        throw error
      })
      const response = await client
        .download(0, undefined, {
          abortSignal: signal,
          maxRetryRequests: MAX_ATTEMPTS - 1,
          ...(etag === undefined ? {} : { conditions: { ifNoneMatch: etag } }),
        })
        .catch((error: { readonly statusCode?: number }) => {
          if (error.statusCode === 304) return undefined
          throw error
        })
      if (response === undefined) return undefined
      const body = response.readableStreamBody as NodeJS.ReadableStream & AsyncIterable<Buffer>
      try {
        if ((response.contentLength ?? 0) > maxBytes) throw new ObjectTooLargeError()
        return { etag: response.etag, body: await collectBody(body, maxBytes) }
      } finally {
        ;(body as { destroy?: () => void }).destroy?.()
      }
    },
    close() {},
  }
}

const PIPELINE_OPTIONS = {
  retryOptions: {
    maxTries: MAX_ATTEMPTS,
    tryTimeoutInMs: 10_000,
    retryDelayInMs: 500,
    maxRetryDelayInMs: 2_000,
  },
}

/**
 * Credentials in the order of Oathkeeper's library: account key, shared access signature, connection string,
 * and last the identity of the machine (managed identity, workload identity, `az login`).
 */
async function createBlobClient(url: ObjectUrl, env: NodeJS.ProcessEnv): Promise<BlobClient> {
  const account = url.options.get('storage_account') ?? env.AZURE_STORAGE_ACCOUNT ?? ''
  const { AZURE_STORAGE_KEY: key, AZURE_STORAGE_SAS_TOKEN: signature } = env
  const connection = env.AZURE_STORAGE_CONNECTION_STRING || env.AZURE_STORAGEBLOB_CONNECTIONSTRING
  if (!key && !signature && connection) {
    const service = BlobServiceClient.fromConnectionString(connection, PIPELINE_OPTIONS)
    return service.getContainerClient(url.bucket).getBlobClient(url.key)
  }
  const address = blobUrl(url, account, env)
  if (env.AZURE_STORAGE_ACCOUNT && key) {
    return new BlobClient(address, new StorageSharedKeyCredential(account, key), PIPELINE_OPTIONS)
  }
  if (signature)
    return new BlobClient(`${address}?${signature.replace(/^\?/, '')}`, undefined, PIPELINE_OPTIONS)
  return new BlobClient(address, await defaultCredential(), PIPELINE_OPTIONS)
}

async function defaultCredential() {
  const { DefaultAzureCredential } = await import('@azure/identity').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new ObjectClientSetupError(
      'set AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING, or install @azure/identity next to credence',
    )
  })
  return new DefaultAzureCredential()
}

function blobUrl({ bucket, key, options }: ObjectUrl, account: string, env: NodeJS.ProcessEnv): string {
  const isEnabled = (option: string, variable: string | undefined): boolean =>
    (options.get(option) ?? variable?.toLowerCase()) === 'true'
  const domain = options.get('domain') ?? env.AZURE_STORAGE_DOMAIN ?? 'blob.core.windows.net'
  const isLocal =
    isEnabled('localemu', env.AZURE_STORAGE_IS_LOCAL_EMULATOR) ||
    /^(?:127\.0\.0\.1|localhost)(?::|$)/.test(domain)
  const protocol = options.get('protocol') ?? env.AZURE_STORAGE_PROTOCOL ?? (isLocal ? 'http' : 'https')
  const isCdn = isEnabled('cdn', env.AZURE_STORAGE_IS_CDN)
  if (account === '' && !isCdn) {
    throw new ObjectClientSetupError(
      'the storage account is unknown: set AZURE_STORAGE_ACCOUNT or add ?storage_account=… to the URL',
    )
  }
  const serviceHost = isCdn ? domain : isLocal ? `${domain}/${account}` : `${account}.${domain}`
  const object = [bucket, ...key.split('/')].map(encodeURIComponent).join('/')
  return `${protocol}://${serviceHost}/${object}`
}
