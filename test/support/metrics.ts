/** Metrics on a port of their own, and a scrape of them. */
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'

export const openMetrics = (wall: () => number = Date.now): Promise<Metrics> =>
  createMetrics({
    host: '127.0.0.1',
    port: 0,
    path: '/metrics',
    serviceName: 's',
    version: '1',
    env: {},
    wall,
  })

/** Listens, scrapes once and stops. */
export async function scrape(metrics: Metrics): Promise<string> {
  const text = await (await fetch(`http://${await metrics.listen()}/metrics`)).text()
  await metrics.stop()
  return text
}
