/** demo/ports — which ports the parts listen on: the usual ones, or free ones where those are taken. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** Part → the port that the files of the checkout name. */
export const USUAL = {
  envoy: 10000,
  envoyAdmin: 9901,
  application: 3000,
  credence: 9191,
  credenceApi: 4456,
  prometheus: 9000,
  kratosPublic: 4433,
  kratosAdmin: 4434,
} as const

export type Part = keyof typeof USUAL
export type Ports = Readonly<Record<Part, number>>

/** Below the ports that systems give to outgoing connections (from 32768 on Linux), one of which could take ours before we listen. */
const FIRST = 20_000
const COUNT = 10_000

/**
 * `wanted` where it is free, else any. It stays ours until this process ends: its UDP twin is held as a mark, so that
 * processes side by side never choose the same one between looking and listening.
 */
export async function freePort(wanted = 0): Promise<number> {
  if (wanted !== 0 && (await claim(wanted))) return wanted
  for (let tries = 0; tries < 1_000; tries++) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    if (await claim(port)) return port
  }
  throw new Error('no free port')
}

async function claim(port: number): Promise<boolean> {
  const mark = createSocket('udp4')
  const marked = await new Promise<boolean>(resolve => {
    mark.once('error', () => resolve(false))
    mark.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true))
  })
  const free = marked && (await listens(port))
  if (free) mark.unref()
  else mark.close()
  return free
}

/** True when a server could be started on that port, and was ended again. */
function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** `usual`: the well-known ones where they are free; otherwise any, for tests that run side by side. */
export async function choosePorts(usual: boolean): Promise<Ports> {
  const ports: Partial<Record<Part, number>> = {}
  for (const part of Object.keys(USUAL) as Part[]) ports[part] = await freePort(usual ? USUAL[part] : 0)
  return ports as Ports
}

/** A configuration text with its usual ports replaced: after `port:`, `port_value:` and in `host:port`. */
export function withPorts(text: string, ports: Ports): string {
  const by = new Map((Object.keys(USUAL) as Part[]).map(part => [String(USUAL[part]), String(ports[part])]))
  return text.replace(
    /((?:\bport|_value): |\d:|localhost:)(\d+)\b/g,
    (whole, before: string, port: string) => {
      const other = by.get(port)
      return other === undefined ? whole : before + other
    },
  )
}
