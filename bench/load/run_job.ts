/** Runs a job of the load generator: a closed loop, or an open loop at a fixed rate. Every response is verified. */
import type { Connection, OnBroken } from './connection.ts'
import { connectHttp1 } from './http1_connection.ts'
import { connectHttp2 } from './http2_connection.ts'
import type { LoadJob, LoadResult } from './job.ts'
import { WorkloadRun } from './workload_run.ts'

/** Connections of HTTP/2: Envoy opens one for each of its worker threads. */
const MAX_HTTP2_CONNECTIONS = 2

/** Rejects where a connection cannot be opened or ends early. */
export async function runJob(job: LoadJob): Promise<LoadResult> {
  const { promise: broken, reject: onBroken } = Promise.withResolvers<never>()
  broken.catch(() => {})
  const connections = await openConnections(job, onBroken)
  try {
    const runs = job.workloads.map(workload => new WorkloadRun(workload))
    const schedule = runs.flatMap(run => Array.from({ length: run.workload.weight ?? 1 }, () => run))
    const cpu = process.cpuUsage()
    const started = performance.now()
    const loop = job.ratePerSecond === undefined ? runClosedLoop : runOpenLoop
    await Promise.race([broken, loop(job, schedule, connections)])
    const { user, system } = process.cpuUsage(cpu)
    return {
      seconds: (performance.now() - started) / 1000,
      cpuMicros: user + system,
      workloads: Object.fromEntries(runs.map(run => [run.workload.name, run.result()])),
    }
  } finally {
    for (const connection of connections) connection.close()
  }
}

function openConnections(
  { target, protocol, maxInFlight }: LoadJob,
  onBroken: OnBroken,
): Promise<Connection[]> {
  const [host = '', port = ''] = target.split(':')
  const [open, count] =
    protocol === 'http1'
      ? [connectHttp1, maxInFlight]
      : [connectHttp2, Math.min(maxInFlight, MAX_HTTP2_CONNECTIONS)]
  return Promise.all(Array.from({ length: count }, () => open(host, Number(port), onBroken)))
}

/** Keeps `maxInFlight` requests in flight. */
function runClosedLoop(
  { maxInFlight, seconds, checks = Number.POSITIVE_INFINITY }: LoadJob,
  schedule: readonly WorkloadRun[],
  connections: readonly Connection[],
): Promise<void> {
  return new Promise(resolve => {
    let now = performance.now()
    const end = now + seconds * 1000
    let sent = 0
    let active = maxInFlight
    for (let i = 0; i < maxInFlight; i++) {
      const connection = connections[i % connections.length] as Connection
      let run = schedule[0] as WorkloadRun
      let sentAt = now
      const sendNext = () => {
        if (sent >= checks || now >= end) {
          if (--active === 0) resolve()
          return
        }
        run = schedule[sent++ % schedule.length] as WorkloadRun
        sentAt = now
        connection.send(run.next(), run.expected, done)
      }
      const done = (correct: boolean) => {
        now = performance.now()
        run.record(now - sentAt, correct)
        sendNext()
      }
      sendNext()
    }
  })
}

/**
 * Sends a request whenever one is due, and counts its latency from then, so that a slow server cannot slow the load
 * down. It polls without sleeping: waking up this process would be part of each latency otherwise.
 */
function runOpenLoop(
  { protocol, ratePerSecond = 1, seconds }: LoadJob,
  schedule: readonly WorkloadRun[],
  connections: readonly Connection[],
): Promise<void> {
  return new Promise(resolve => {
    const total = Math.floor(seconds * ratePerSecond)
    const started = performance.now()
    const idle = [...connections]
    let sent = 0
    let completed = 0
    const sendDue = () => {
      for (;;) {
        const due = started + (sent * 1000) / ratePerSecond
        if (sent === total || due > performance.now()) break
        const run = schedule[sent % schedule.length] as WorkloadRun
        const connection = idle.shift()
        // All connections are taken: the request waits, and its latency grows.
        if (connection === undefined) break
        sent++
        if (protocol !== 'http1') idle.push(connection)
        connection.send(run.next(), run.expected, correct => {
          run.record(performance.now() - due, correct)
          if (protocol === 'http1') idle.push(connection)
          if (++completed === total) resolve()
        })
      }
      if (completed < total) setImmediate(sendDue)
    }
    sendDue()
  })
}
