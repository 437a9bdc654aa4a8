/** app_listen — why a port or a socket cannot be opened, in a paragraph for people. Knows error codes, no protocol. */
import { StartFault } from './startup_error.ts'

export interface Listener {
  /** Who comes here, as in "cannot listen for Envoy". */
  readonly who: string
  /** `host:port` or path, as configured. */
  readonly at: string
  /** How to choose another port or path: keys, variables, flags. */
  readonly setting: string
  /** How to choose another address of this machine. */
  readonly hostSetting: string
}

/** What `open` opens; its rejection becomes a `StartFault` that says what to do. */
export async function listening<T>(listener: Listener, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    const { who, at, setting, hostSetting } = listener
    const code = codeOf(error)
    const reason = REASONS.get(code) ?? ((error as Error).message.split('\n', 1)[0] || code)
    const chosen = OF_THE_HOST.has(code) ? hostSetting : setting
    throw new StartFault(`cannot listen for ${who} on ${at}: ${reason}. It is set by ${chosen}.`, [])
  }
}

const OF_THE_HOST: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ENOTFOUND'])

const REASONS: ReadonlyMap<string, string> = new Map([
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
function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (/name resolution failed/i.test(message)) return 'ENOTFOUND'
  return code ?? /\bE[A-Z]{4,}\b/.exec(message)?.[0] ?? ''
}
