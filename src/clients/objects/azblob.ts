/** clients/objects_azblob — one blob of Azure. The only importer of Azure's clients; reads the variables that Oathkeeper's library reads. */
import { BlobClient, BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { ObjectUrl } from '../../http/object_url.ts'
import { ClientFault, collect, type ObjectReader, TooLarge } from './object.ts'

/** Tries of one read, the first included. */
const TRIES = 3

export function openAzblob(url: ObjectUrl, env: NodeJS.ProcessEnv): ObjectReader {
  let opened: Promise<BlobClient> | undefined
  return {
    async read({ etag, maxBytes, signal }) {
      opened ??= clientOf(url, env)
      const client = await opened.catch((error: unknown) => {
        opened = undefined
        throw error
      })
      const answer = await client
        .download(0, undefined, {
          abortSignal: signal,
          maxRetryRequests: TRIES - 1,
          ...(etag === undefined ? {} : { conditions: { ifNoneMatch: etag } }),
        })
        .catch((error: { readonly statusCode?: number }) => {
          if (error.statusCode === 304) return undefined
          throw error
        })
      if (answer === undefined) return undefined
      const body = answer.readableStreamBody as NodeJS.ReadableStream & AsyncIterable<Buffer>
      try {
        if ((answer.contentLength ?? 0) > maxBytes) throw new TooLarge()
        return { etag: answer.etag, body: await collect(body, maxBytes) }
      } finally {
        ;(body as { destroy?: () => void }).destroy?.()
      }
    },
    close() {},
  }
}

/** Milliseconds. */
const PIPELINE = {
  retryOptions: { maxTries: TRIES, tryTimeoutInMs: 10_000, retryDelayInMs: 500, maxRetryDelayInMs: 2_000 },
}

/** In the order of Oathkeeper's library: key, signature, connection string, and last what the machine itself is (managed identity, workload identity, az). */
async function clientOf(url: ObjectUrl, env: NodeJS.ProcessEnv): Promise<BlobClient> {
  const account = url.options.get('storage_account') ?? env.AZURE_STORAGE_ACCOUNT ?? ''
  const { AZURE_STORAGE_KEY: key, AZURE_STORAGE_SAS_TOKEN: signature } = env
  const connection = env.AZURE_STORAGE_CONNECTION_STRING || env.AZURE_STORAGEBLOB_CONNECTIONSTRING
  if (!key && !signature && connection) {
    const service = BlobServiceClient.fromConnectionString(connection, PIPELINE)
    return service.getContainerClient(url.bucket).getBlobClient(url.key)
  }
  const address = addressOf(url, account, env)
  if (env.AZURE_STORAGE_ACCOUNT && key) {
    return new BlobClient(address, new StorageSharedKeyCredential(account, key), PIPELINE)
  }
  if (signature) return new BlobClient(`${address}?${signature.replace(/^\?/, '')}`, undefined, PIPELINE)
  return new BlobClient(address, await identity(), PIPELINE)
}

async function identity() {
  const { DefaultAzureCredential } = await import('@azure/identity').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new ClientFault(
      'set AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING, or install @azure/identity beside credence',
    )
  })
  return new DefaultAzureCredential()
}

function addressOf({ bucket, key, options }: ObjectUrl, account: string, env: NodeJS.ProcessEnv): string {
  const on = (option: string, variable: string | undefined): boolean =>
    (options.get(option) ?? variable?.toLowerCase()) === 'true'
  const domain = options.get('domain') ?? env.AZURE_STORAGE_DOMAIN ?? 'blob.core.windows.net'
  const local =
    on('localemu', env.AZURE_STORAGE_IS_LOCAL_EMULATOR) || /^(?:127\.0\.0\.1|localhost)(?::|$)/.test(domain)
  const protocol = options.get('protocol') ?? env.AZURE_STORAGE_PROTOCOL ?? (local ? 'http' : 'https')
  const cdn = on('cdn', env.AZURE_STORAGE_IS_CDN)
  if (account === '' && !cdn) {
    throw new ClientFault(
      'no storage account is known: set AZURE_STORAGE_ACCOUNT or add ?storage_account=… to the address',
    )
  }
  const service = cdn ? domain : local ? `${domain}/${account}` : `${account}.${domain}`
  const object = [bucket, ...key.split('/')].map(encodeURIComponent).join('/')
  return `${protocol}://${service}/${object}`
}
