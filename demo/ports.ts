/** demo/ports — which ports the parts listen on: the usual ones, or free ones where those are taken. */
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

/** A port that was free a moment ago: `wanted`, or any. */
export function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', () => (wanted === 0 ? reject(new Error('no free port')) : resolve(freePort())))
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : wanted))
    })
  })
}

/** `usual`: the well-known ones where they are free; otherwise any, for tests that run side by side. */
export async function choosePorts(usual: boolean): Promise<Ports> {
  const ports: Partial<Record<Part, number>> = {}
  const taken = new Set<number>()
  for (const part of Object.keys(USUAL) as Part[]) {
    let port = await freePort(usual ? USUAL[part] : 0)
    while (taken.has(port)) port = await freePort()
    taken.add(port)
    ports[part] = port
  }
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
