/** Chooses the ports of the demo and the tests, and replaces the default ports in configuration files. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** The ports that the repository's configuration files name. */
export const DEFAULT_PORTS = {
  envoy: 10000,
  envoyAdmin: 9901,
  application: 3000,
  credence: 9191,
  credenceApi: 4456,
  prometheus: 9000,
  kratosPublic: 4433,
  kratosAdmin: 4434,
} as const

export type PortName = keyof typeof DEFAULT_PORTS
export type Ports = Readonly<Record<PortName, number>>

/** Below the range for outgoing connections (from 32768 on Linux), so that none of those takes a port that we chose. */
const FIRST_PORT = 20_000
const PORT_COUNT = 10_000

/**
 * Returns `wanted` if it is free, else another free port. The UDP port of the same number stays bound until this process
 * ends. It reserves the TCP port: concurrent processes never choose the same one between this call and listening.
 */
export async function freePort(wanted = 0): Promise<number> {
  if (wanted !== 0 && (await reservePort(wanted))) return wanted
  for (let tries = 0; tries < 1_000; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT)
    if (await reservePort(port)) return port
  }
  throw new Error('no free port')
}

async function reservePort(port: number): Promise<boolean> {
  const reservation = createSocket('udp4')
  const reserved = await new Promise<boolean>(resolve => {
    reservation.once('error', () => resolve(false))
    reservation.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true))
  })
  const free = reserved && (await canListen(port))
  if (free) reservation.unref()
  else reservation.close()
  return free
}

/** Whether a server can listen on the port. */
function canListen(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** With `preferDefaults` the default ports where they are free; otherwise any free ports, for concurrent tests. */
export async function choosePorts(preferDefaults: boolean): Promise<Ports> {
  const ports: Partial<Record<PortName, number>> = {}
  for (const part of Object.keys(DEFAULT_PORTS) as PortName[])
    ports[part] = await freePort(preferDefaults ? DEFAULT_PORTS[part] : 0)
  return ports as Ports
}

/** Replaces the default ports in a configuration: after `port:`, after `port_value:` and in `host:port`. */
export function replacePorts(text: string, ports: Ports): string {
  const replacements = new Map(
    (Object.keys(DEFAULT_PORTS) as PortName[]).map(part => [
      String(DEFAULT_PORTS[part]),
      String(ports[part]),
    ]),
  )
  return text.replace(
    /((?:\bport|_value): |\d:|localhost:)(\d+)\b/g,
    (whole, before: string, port: string) => {
      const replacement = replacements.get(port)
      return replacement === undefined ? whole : before + replacement
    },
  )
}
