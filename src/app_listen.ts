/** app_listen — why a port or a socket cannot be opened, in a paragraph for people. Knows error codes, no protocol. */
import { StartFault } from './edition.ts'

export interface Listener {
  /** Who comes here, as in "cannot listen for Envoy". */
  readonly who: string
  /** `host:port` or path, as configured. */
  readonly at: string
  /** How to choose another place: keys, variables, flags. */
  readonly setting: string
}

/** What `open` opens; its rejection becomes a `StartFault` that says what to do. */
export async function listening<T>({ who, at, setting }: Listener, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    throw new StartFault(
      `cannot listen for ${who} on ${at}: ${reasonOf(error)}. It is set by ${setting}.`,
      [],
    )
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'another process listens there; stop it or choose another place'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
  [
    'EACCES',
    'not allowed; ports below 1024 need a privilege, and a socket needs a folder that is there and may be written',
  ],
  ['ENOENT', 'the folder is not there'],
  ['ENOTFOUND', 'the host name is not known'],
])

/** grpc-js tells codes in its message only, and its own "Name resolution failed". */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const told = code ?? /\bE[A-Z]{4,}\b/.exec(message)?.[0] ?? ''
  const known = REASONS.get(/name resolution failed/i.test(message) ? 'ENOTFOUND' : told)
  return known ?? message.split('\n', 1)[0] ?? told
}
