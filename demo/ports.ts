/** demo/ports — which ports the parts listen on: the usual ones, or free ones where those are taken. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** Part → the port that the files of the checkout name. */
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

/** Below the ports that systems give to outgoing connections (from 32768 on Linux), one of which could take ours before we listen. */
const FIRST_PORT = 20_000
const PORT_COUNT = 10_000

/**
 * `wanted` where it is free, else any. It stays ours until this process ends: its UDP twin is held as a mark, so that
 * processes side by side never choose the same one between looking and listening.
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

/** True when a server could be started on that port, and was ended again. */
function canListen(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** `usual`: the well-known ones where they are free; otherwise any, for tests that run side by side. */
export async function choosePorts(preferDefaults: boolean): Promise<Ports> {
  const ports: Partial<Record<PortName, number>> = {}
  for (const part of Object.keys(DEFAULT_PORTS) as PortName[])
    ports[part] = await freePort(preferDefaults ? DEFAULT_PORTS[part] : 0)
  return ports as Ports
}

/** A configuration text with its usual ports replaced: after `port:`, `port_value:` and in `host:port`. */
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
