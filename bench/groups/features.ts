/** Measures what the decision log and tracing add to a Check. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { credenceCase } from '../cases.ts'
import { compare } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const RULES = 1_000

export const features: BenchmarkGroup = {
  description: 'the decision log and tracing, on and off, with 1,000 rules',
  async run(options) {
    // Reads and discards what the exporter of the spans sends.
    const collector = createServer((request, response) => request.resume().on('end', () => response.end()))
    await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve))
    const server_url = `127.0.0.1:${(collector.address() as AddressInfo).port}`
    const tracing = (sampling_ratio: number) => ({
      tracing: {
        provider: 'otel',
        providers: { otlp: { server_url, insecure: true, sampling: { sampling_ratio } } },
      },
    })
    try {
      const benchmarks = [
        credenceCase(RULES, { name: 'decision log, no tracing (the default)' }),
        credenceCase(RULES, { name: 'no decision log', config: { log: { level: 'error' } } }),
        credenceCase(RULES, { name: 'decision log, 1 of 100 Checks traced', config: tracing(0.01) }),
        credenceCase(RULES, { name: 'decision log, every Check traced', config: tracing(1) }),
      ]
      await compare({ benchmarks }, options)
    } finally {
      collector.close()
      collector.closeAllConnections()
    }
  },
}
