/** Explains why a port or a socket cannot be opened, and names the setting to change. */
import { flagName, type Setting, variableName } from '../config/setting.ts'
import type { ListenAddress } from '../grpc/server.ts'
import { StartupError } from './startup_error.ts'

export interface ListenerDescription {
  /** Who connects, as in "cannot listen for Envoy". */
  readonly peer: string
  readonly address: ListenAddress
  /** The setting of the port, or of the socket if there is one. */
  readonly portSetting: Setting<unknown>
  readonly hostSetting: Setting<unknown>
}

/** Calls `listen`; its rejection becomes a `StartupError` that says what to do. */
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
    const where = `${formatAddress(address)}: ${reason}. It is set by ${describeSetting(setting)}.`
    throw new StartupError(`cannot listen for ${peer} on ${where}`, [])
  }
}

function formatAddress(address: ListenAddress): string {
  if ('socket' in address) return address.socket
  return `${address.host === '' ? 'all interfaces' : address.host}:${address.port}`
}

/** Key, flag and variable, for example `serve.grpc.port (--serve-grpc-port, CREDENCE_SERVE_GRPC_PORT)`. */
const describeSetting = (setting: Setting<unknown>): string =>
  `${setting.path} (${[flagName(setting) ?? [], variableName(setting)].flat().join(', ')})`

/** With these, another host helps; with all others, another port or socket. */
const HOST_ERROR_CODES: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ENOTFOUND'])

const REASON_BY_CODE: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'it is in use; stop the other process or choose another one'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
  [
    'EACCES',
    'permission denied; a port below 1024 needs a privilege, and a socket needs a folder that exists and is writable',
  ],
  ['EINVAL', 'the path is longer than the path of a socket may be (about 100 bytes)'],
  ['ENOENT', 'the folder does not exist'],
  ['ENOTFOUND', 'the host name cannot be resolved'],
])

/** grpc-js names codes only in its messages, and has its own "Name resolution failed". */
function errorCodeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (/name resolution failed/i.test(message)) return 'ENOTFOUND'
  return code ?? /\bE[A-Z]{4,}\b/.exec(message)?.[0] ?? ''
}
