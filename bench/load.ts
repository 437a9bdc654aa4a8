/** bench/load — a closed-loop client over node:http2 in a process of its own: reads a job as JSON from standard input, looks at every answer, prints one JSON line. */
import { type ClientHttp2Session, connect } from 'node:http2'
import { text } from 'node:stream/consumers'

/** Kinds of Checks that are sent in turn, as often as their weight says. */
export interface Workload {
  readonly name: string
  readonly weight?: number
  /** Messages as base64, one after the other. */
  readonly messages: readonly string[]
  /** Eight digits at this offset count up from `from` with each message. */
  readonly counter?: { readonly at: number; readonly from: number }
  /** Every answer must have it. */
  readonly expected: string
}

export interface LoadJob {
  readonly target: string
  readonly maxInFlight: number
  /** Ends after this many seconds or, where it is given, this many Checks. */
  readonly seconds: number
  readonly checks?: number
  readonly workloads: readonly Workload[]
}

export interface WorkloadResult {
  readonly completed: number
  readonly wrong: number
  /** Milliseconds. */
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

  constructor(kind: Workload) {
    this.workload = kind
    this.expectedBytes = Buffer.from(kind.expected)
    this.frames = kind.messages.map(body => {
      const message = Buffer.from(body, 'base64')
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
  maxInFlight: inFlight,
  seconds,
  checks = Number.POSITIVE_INFINITY,
  workloads: kinds,
}: LoadJob): Promise<LoadResult> {
  const workloadRuns = kinds.map(kind => new WorkloadRun(kind))
  const schedule = workloadRuns.flatMap(source =>
    Array.from({ length: source.workload.weight ?? 1 }, () => source),
  )
  const sessions = [connect(`http://${target}`), connect(`http://${target}`)]
  const started = performance.now()
  const end = started + seconds * 1000
  let sent = 0
  await Promise.all(
    Array.from({ length: inFlight }, async (_, i) => {
      while (sent < checks && performance.now() < end) {
        const source = schedule[sent++ % schedule.length] as WorkloadRun
        await sendCheck(sessions[i % sessions.length] as ClientHttp2Session, source)
      }
    }),
  )
  const elapsedSeconds = (performance.now() - started) / 1000
  for (const session of sessions) session.destroy()
  return {
    seconds: elapsedSeconds,
    workloads: Object.fromEntries(workloadRuns.map(source => [source.workload.name, source.result()])),
  }
}

if (import.meta.main) console.log(JSON.stringify(await runJob(JSON.parse(await text(process.stdin)))))
