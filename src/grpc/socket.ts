/** envoy/socket — where Envoy connects: a port, or a socket in the file system. Knows no protocol. */
import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import type { EngineOptions } from './server.ts'

export type Listen = EngineOptions['listen']

/**
 * Address in force: `host:port`, `[host]:port` or `unix:path`. Rejects with the system's error, or one that says what is in the way.
 * `failed` hears what goes wrong later: a connection that cannot be taken, because there are no descriptors left, is no reason to end.
 */
export async function listen(server: Server, at: Listen, failed: (error: Error) => void): Promise<string> {
  if ('socket' in at) {
    await removeStale(at.socket)
    await bound(server, () => server.listen({ path: at.socket }))
    server.on('error', failed)
    await admitGroup(at.socket)
    return `unix:${at.socket}`
  }
  await bound(server, () => server.listen({ port: at.port, ...(at.host === '' ? {} : { host: at.host }) }))
  server.on('error', failed)
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return `${at.host.includes(':') ? `[${at.host}]` : at.host || '[::]'}:${port}`
}

function bound(server: Server, start: () => void): Promise<void> {
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
export const admitGroup = (path: string): Promise<void> => chmod(path, 0o660)

/** A socket file that a killed process left behind; one that answers belongs to somebody. */
export async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket`)
  const served = await new Promise<boolean>(resolve => {
    const probe = connect(path, () => resolve(true))
    probe.on('connect', () => probe.destroy())
    probe.on('error', () => resolve(false))
  })
  if (served) throw new Error(`${path} is served by another process`)
  await unlink(path)
}
