/** Prints decisions of a running service as they are made. */
import { setTimeout as wait } from 'node:timers/promises'
import { formatDecisionText } from '../telemetry/decision_text.ts'
import type { DecisionRecord } from '../telemetry/records.ts'
import { AdminError, createAdminClient } from './admin_client.ts'
import type { Streams } from './arguments.ts'
import { parseServerEvents, type ServerEvent } from './server_events.ts'

export interface TailArguments {
  readonly server: string
  readonly format: 'text' | 'json'
  /** Parameters of `GET /admin/v1/events`. */
  readonly filter: Readonly<Record<string, string>>
  /** Ends the command. */
  readonly signal: AbortSignal
}

/** Longest pause before the next try, ms. */
const MAX_PAUSE_MS = 5_000

/** Resolves to the exit code: 0 when `signal` ends it, 5 if the service cannot be asked at first or refuses. */
export async function tail(args: TailArguments, streams: Streams): Promise<number> {
  const client = createAdminClient(args.server, streams.env)
  const query = new URLSearchParams(args.filter)
  let lastId = ''
  let pauseMs = 0
  while (!args.signal.aborted) {
    try {
      const headers = lastId === '' ? {} : { 'last-event-id': lastId }
      const { body } = await client.open(`/events?${query}`, headers, args.signal)
      if (pauseMs === 0 && lastId === '') streams.err(`credence: following ${args.server}\n`)
      lastId ||= '0'
      pauseMs = 0
      for await (const event of parseServerEvents(body as ReadableStream<Uint8Array>)) {
        if (event.id !== '') lastId = event.id
        streams.out(`${args.format === 'json' ? toJsonLine(event) : toTextLine(event)}\n`)
      }
    } catch (error) {
      if (args.signal.aborted) break
      if (error instanceof AdminError && lastId === '') {
        streams.err(`credence: ${error.message}\n`)
        return 5
      }
    }
    // The service restarts or the connection broke. A new process counts from 1, so nothing is asked for again.
    lastId = '0'
    pauseMs = Math.min(MAX_PAUSE_MS, Math.max(250, 2 * pauseMs))
    streams.err(`credence: disconnected; next try in ${pauseMs} ms\n`)
    await wait(pauseMs, undefined, { signal: args.signal }).catch(() => {})
  }
  return 0
}

const toJsonLine = ({ name, data }: ServerEvent): string =>
  JSON.stringify({ type: name, ...JSON.parse(data) })

function toTextLine({ name, data }: ServerEvent): string {
  const body = JSON.parse(data)
  if (name === 'decision') return formatDecisionText(body as DecisionRecord, Date.parse(body.time))
  if (name === 'lost') return `… ${body.count} more`
  const { time, event: _event, level, ...fields } = body
  return `${String(time).slice(11, 23)}  ${level} ${name} ${JSON.stringify(fields)}`
}
