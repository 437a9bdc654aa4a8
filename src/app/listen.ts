/** app_listen — why a port or a socket cannot be opened, in a paragraph for people. Knows error codes, no protocol. */
import { StartupError } from './startup_error.ts'

export interface ListenerDescription {
  /** Who comes here, as in "cannot listen for Envoy". */
  readonly peer: string
  /** `host:port` or path, as configured. */
  readonly address: string
  /** How to choose another port or path: keys, variables, flags. */
  readonly portSetting: string
  /** How to choose another address of this machine. */
  readonly hostSetting: string
}

/** What `open` opens; its rejection becomes a `StartFault` that says what to do. */
export async function listenOrExplain<T>(
  listener: ListenerDescription,
  listen: () => Promise<T>,
): Promise<T> {
  try {
    return await listen()
  } catch (error) {
    const { peer, address, portSetting, hostSetting } = listener
    const code = errorCodeOf(error)
    const reason = REASON_BY_CODE.get(code) ?? ((error as Error).message.split('\n', 1)[0] || code)
    const setting = HOST_ERROR_CODES.has(code) ? hostSetting : portSetting
    throw new StartupError(`cannot listen for ${peer} on ${address}: ${reason}. It is set by ${setting}.`, [])
  }
}

const HOST_ERROR_CODES: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ENOTFOUND'])

const REASON_BY_CODE: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'something listens there already; stop it or choose another place'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
  [
    'EACCES',
    'not allowed; ports below 1024 need a privilege, and a socket needs a folder that is there and may be written',
  ],
  ['EINVAL', 'the path is longer than that of a socket may be (about a hundred bytes)'],
  ['ENOENT', 'the folder is not there'],
  ['ENOTFOUND', 'the host name is not known'],
])

/** grpc-js tells codes in its message only, and its own "Name resolution failed". */
function errorCodeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (/name resolution failed/i.test(message)) return 'ENOTFOUND'
  return code ?? /\bE[A-Z]{4,}\b/.exec(message)?.[0] ?? ''
}
