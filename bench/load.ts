/** A closed-loop gRPC load generator: it reads a job as JSON from stdin, verifies every response, and prints the result as JSON. */
import { type ClientHttp2Session, connect } from 'node:http2'
import { text } from 'node:stream/consumers'

/** Checks of one kind. Several workloads are interleaved in proportion to their weights. */
export interface Workload {
  readonly name: string
  readonly weight?: number
  /** CheckRequests as base64, sent in turn. */
  readonly messages: readonly string[]
  /** The eight digits at byte offset `at` are replaced by a number that starts at `from`. */
  readonly counter?: { readonly at: number; readonly from: number }
  /** A text that every response must contain. */
  readonly expected: string
}

export interface LoadJob {
  readonly target: string
  readonly maxInFlight: number
  /** The job ends after `seconds`, or after `checks` Checks if that is earlier. */
  readonly seconds: number
  readonly checks?: number
  readonly workloads: readonly Workload[]
}

export interface WorkloadResult {
  readonly completed: number
  /** Responses that failed or did not contain the expected text. */
  readonly wrong: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface LoadResult {
  readonly seconds: number
  readonly workloads: Readonly<Record<string, WorkloadResult>>
}

class WorkloadRun {
  readonly workload: Workload
  readonly frames: readonly Buffer[]
  readonly expectedBytes: Buffer
  readonly latenciesMs: number[] = []
  wrong = 0
  #sent = 0

  constructor(workload: Workload) {
    this.workload = workload
    this.expectedBytes = Buffer.from(workload.expected)
    this.frames = workload.messages.map(encoded => {
      const message = Buffer.from(encoded, 'base64')
      const frame = Buffer.concat([Buffer.alloc(5), message])
      frame.writeUInt32BE(message.length, 1)
      return frame
    })
  }

  next(): Buffer {
    const frame = this.frames[this.#sent++ % this.frames.length] as Buffer
    const { counter } = this.workload
    if (counter === undefined) return frame
    const counted = Buffer.from(frame)
    counted.write(String(counter.from + this.#sent).padStart(8, '0'), 5 + counter.at)
    return counted
  }

  result(): WorkloadResult {
    const sorted = Float64Array.from(this.latenciesMs).sort()
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return { completed: sorted.length, wrong: this.wrong, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
  }
}

function sendCheck(session: ClientHttp2Session, workloadRun: WorkloadRun): Promise<void> {
  return new Promise(resolve => {
    const started = performance.now()
    const stream = session.request({
      ':method': 'POST',
      ':path': '/envoy.service.auth.v3.Authorization/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '5S',
    })
    const chunks: Buffer[] = []
    const finish = (correct: boolean) => {
      if (!correct) workloadRun.wrong++
      workloadRun.latenciesMs.push(performance.now() - started)
      resolve()
    }
    stream.on('data', chunk => chunks.push(chunk as Buffer))
    stream.on('error', () => finish(false))
    stream.on('end', () => finish(Buffer.concat(chunks).includes(workloadRun.expectedBytes)))
    stream.end(workloadRun.next())
  })
}

async function runJob({
  target,
  maxInFlight,
  seconds,
  checks = Number.POSITIVE_INFINITY,
  workloads,
}: LoadJob): Promise<LoadResult> {
  const workloadRuns = workloads.map(workload => new WorkloadRun(workload))
  const schedule = workloadRuns.flatMap(run => Array.from({ length: run.workload.weight ?? 1 }, () => run))
  const sessions = [connect(`http://${target}`), connect(`http://${target}`)]
  const started = performance.now()
  const end = started + seconds * 1000
  let sent = 0
  await Promise.all(
    Array.from({ length: maxInFlight }, async (_, i) => {
      while (sent < checks && performance.now() < end) {
        const run = schedule[sent++ % schedule.length] as WorkloadRun
        await sendCheck(sessions[i % sessions.length] as ClientHttp2Session, run)
      }
    }),
  )
  const elapsedSeconds = (performance.now() - started) / 1000
  for (const session of sessions) session.destroy()
  return {
    seconds: elapsedSeconds,
    workloads: Object.fromEntries(workloadRuns.map(run => [run.workload.name, run.result()])),
  }
}

if (import.meta.main) console.log(JSON.stringify(await runJob(JSON.parse(await text(process.stdin)))))
