/** One workload of a job: the next request, and the latencies so far. */
import { createHistogram } from 'node:perf_hooks'
import type { Workload, WorkloadResult } from './job.ts'

const NS_PER_MS = 1e6

export class WorkloadRun {
  readonly workload: Workload
  readonly expected: Buffer
  readonly #messages: readonly Buffer[]
  readonly #latenciesNs = createHistogram()
  #sent = 0
  #wrong = 0

  constructor(workload: Workload) {
    this.workload = workload
    this.expected = Buffer.from(workload.expected)
    this.#messages = workload.messages.map(message => Buffer.from(message, 'base64'))
  }

  /** The next request. It is valid until the next call. */
  next(): Buffer {
    const message = this.#messages[this.#sent++ % this.#messages.length] as Buffer
    const { counter } = this.workload
    if (counter !== undefined) message.write(String(counter.from + this.#sent).padStart(8, '0'), counter.at)
    return message
  }

  record(latencyMs: number, correct: boolean): void {
    if (!correct) this.#wrong++
    this.#latenciesNs.record(Math.max(1, Math.round(latencyMs * NS_PER_MS)))
  }

  result(): WorkloadResult {
    const latencies = this.#latenciesNs
    const at = (percentile: number) => latencies.percentile(percentile) / NS_PER_MS
    return {
      completed: latencies.count,
      wrong: this.#wrong,
      p50Ms: at(50),
      p90Ms: at(90),
      p99Ms: at(99),
      maxMs: latencies.max / NS_PER_MS,
    }
  }
}
