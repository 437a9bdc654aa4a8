/** envoy/socket — where Envoy connects: a port, or a socket in the file system. Knows no protocol. */
import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import type { GrpcServerDependencies } from './server.ts'

export type ListenAddress = GrpcServerDependencies['listen']

/**
 * Address in force: `host:port`, `[host]:port` or `unix:path`. Rejects with the system's error, or one that says what is in the way.
 * `failed` hears what goes wrong later: a connection that cannot be taken, because there are no descriptors left, is no reason to end.
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
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return `${target.host.includes(':') ? `[${target.host}]` : target.host || '[::]'}:${port}`
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

/** Connecting needs the right to write: the group may, everybody may not (envoy 3.5). */
export const allowGroupAccess = (path: string): Promise<void> => chmod(path, 0o660)

/** A socket file that a killed process left behind; one that answers belongs to somebody. */
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
