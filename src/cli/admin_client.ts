/** Calls the admin API of a running service. */
import type { Streams } from './arguments.ts'

export interface AdminClient {
  /** The JSON body of a response with status 2xx. Throws `AdminError` for any other, and where nothing answers. */
  call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown>
  /** An open response, for a stream. */
  open(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response>
}

/** The service could not be asked, or it refused. The message says what to do. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
}

/** Address of the api port with its default settings. */
export const DEFAULT_SERVER_URL = 'http://127.0.0.1:4456'
/** Holds the key: a flag would show it to every user of the machine. */
const KEY_VARIABLE = 'CREDENCE_ADMIN_KEY'
const CALL_TIMEOUT_MS = 10_000

export function createAdminClient(server: string, env: Streams['env']): AdminClient {
  const base = server.replace(/\/$/, '')
  const key = env[KEY_VARIABLE] ?? ''
  const authorization = key === '' ? {} : { authorization: `Bearer ${key}` }

  async function send(path: string, init: RequestInit): Promise<Response> {
    const url = `${base}/admin/v1${path}`
    if (!URL.canParse(url))
      throw new AdminError(`--server ${server} is not a URL, for example ${DEFAULT_SERVER_URL}`)
    const response = await fetch(url, { ...init, redirect: 'manual' }).catch((error: Error) => {
      const cause = error.cause as { readonly code?: string } | undefined
      throw new AdminError(
        `${base} does not answer (${cause?.code ?? error.name}): is the service running there?`,
      )
    })
    if (response.ok) return response
    throw new AdminError(`${base} answered ${response.status}: ${await describeRefusal(response)}`)
  }

  return {
    async call(method, path, body) {
      const response = await send(path, {
        method,
        headers: { accept: 'application/json', ...authorization },
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return response.json()
    },
    open: (path, headers, signal) =>
      send(path, { headers: { accept: 'text/event-stream', ...authorization, ...headers }, signal }),
  }
}

async function describeRefusal(response: Response): Promise<string> {
  const body = (await response.json().catch(() => undefined)) as
    | { readonly error?: { readonly message?: unknown } }
    | undefined
  const message = typeof body?.error?.message === 'string' ? body.error.message : 'no such api'
  if (response.status === 404) return `${message}. Set serve.api.admin.enabled: true, and use the api port`
  return response.status === 401 ? `${message}. Set ${KEY_VARIABLE}` : message
}
