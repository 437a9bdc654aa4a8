/** Listens on a TCP port or a Unix socket. */
import { chmod, lstat, unlink } from 'node:fs/promises'
import { type AddressInfo, connect, type Server } from 'node:net'
import { formatListenAddress } from '../http/listen_address.ts'
import type { ListenAddress } from './server.ts'

/**
 * Resolves to the address in force: `host:port`, `[host]:port` or `unix:path`. Rejects with the system's
 * error, or with one that says what occupies the path. `onError` gets later errors, for example of a
 * connection for which no file descriptor is left; the listener goes on after them.
 */
export async function listenOn(
  server: Server,
  target: ListenAddress,
  onError: (error: Error) => void,
): Promise<string> {
  if ('socket' in target) {
    await removeStaleSocket(target.socket)
    await untilListening(server, () => server.listen({ path: target.socket }))
    server.on('error', onError)
    await allowGroupAccess(target.socket)
    return `unix:${target.socket}`
  }
  await untilListening(server, () =>
    server.listen({ port: target.port, ...(target.host === '' ? {} : { host: target.host }) }),
  )
  server.on('error', onError)
  const { port } = server.address() as AddressInfo
  return formatListenAddress(target.host, port)
}

function untilListening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    start()
  })
}

/** Lets the owner and the group connect, which needs the permission to write, and no other user. */
export const allowGroupAccess = (path: string): Promise<void> => chmod(path, 0o660)

/**
 * Removes a socket file that a killed process left. Rejects where a process still serves it, or where it is
 * another file.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined)
  if (stats === undefined) return
  if (!stats.isSocket()) throw new Error(`${path} exists and is not a socket`)
  const served = await new Promise<boolean>(resolve => {
    const probe = connect(path, () => resolve(true))
    probe.on('connect', () => probe.destroy())
    probe.on('error', () => resolve(false))
  })
  if (served) throw new Error(`${path} is served by another process`)
  await unlink(path)
}
