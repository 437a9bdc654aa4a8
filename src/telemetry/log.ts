/** telemetry/log — the log: known records in, one JSON line out. The only importer of pino. Never sees a header, cookie, body or query. */
import { type DestinationStream, destination, pino } from 'pino'
import { formatDiagnostic } from '../documents/issue.ts'
import { writeStderr } from '../lib/write_stderr.ts'
import { createDecisionFormatter } from './decision_line.ts'
import { createLogBuffer } from './log_buffer.ts'
import type { DecisionRecord, LogEvent, LogLevel } from './records.ts'

export interface Log {
  decision(record: DecisionRecord): void
  event(level: LogLevel, event: LogEvent): void
  /** Writes what is still in memory; nothing may follow. */
  close(): void
  setLevel(level: LogLevel): void
}

export interface LogOptions {
  readonly level: LogLevel
  readonly format: 'json' | 'json_pretty' | 'text'
  readonly name: string
  readonly version: string
  /** Milliseconds since the epoch. */
  readonly wall: () => number
  /** For tests; standard output otherwise. */
  readonly stream?: DestinationStream
}

const MESSAGES: Readonly<Record<Exclude<LogEvent['event'], 'issue' | 'notice' | 'warning'>, string>> = {
  started: 'Credence is listening',
  ready: 'Ready: every rule repository has been loaded',
  not_ready: 'Not ready: every request is refused with 503',
  draining: 'Draining: answering what has arrived, taking nothing new',
  stopped: 'Stopped',
  reload: 'Rules read',
  accident: 'Accident',
  breaker: 'Kratos is left alone, tried or asked again',
  revocation: 'Sessions were revoked',
  bus: 'On the line between replicas',
  tls: 'A certificate has changed',
}

/** What is wrong with a file reads as `validate` says it. */
function messageOf(event: LogEvent): string {
  if (event.event === 'issue' || event.event === 'notice') return formatDiagnostic(event)
  return event.event === 'warning' ? `${event.where}: ${event.message}` : MESSAGES[event.event]
}

/** Bytes that leave at once: a write costs as much as a few Checks, so that it should carry many lines; the library takes 16 KiB. */
const FLUSH_BYTES = 64 * 1024
/** Longest time that a line waits for others, ms. */
const FLUSH_INTERVAL_MS = 100
/** Bytes that wait for a reader that is too slow; further lines are dropped (G11). */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024

/** Lines leave in batches, at the latest after 100 ms, so that a slow reader of the log holds up no Check (G11). */
export async function createLog(options: LogOptions): Promise<Log> {
  const { name, version, wall } = options
  const out = options.stream ?? (await openLogStream(options.format))
  const logger = pino(
    {
      level: options.level,
      base: { service_name: name, service_version: version },
      timestamp: () => `,"time":"${new Date(wall()).toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
    },
    out,
  )
  const base = `,"service_name":${JSON.stringify(name)},"service_version":${JSON.stringify(version)}`
  const lineOf = createDecisionFormatter(base, wall)
  return {
    decision(record) {
      if (logger.isLevelEnabled('info')) out.write(lineOf(record))
    },
    event: (level, event) => logger[level](event, messageOf(event)),
    close: () => {
      if ('flushSync' in out && typeof out.flushSync === 'function') out.flushSync()
    },
    setLevel: level => {
      logger.level = level
    },
  }
}

/**
 * A log that cannot be written (a full disk, a terminal that has gone) must not end the service: unheard, the error would
 * be an accident, and the library's `flushSync` tries for ever. What failed is tried again with the next lot, so the log
 * goes on when it can; meanwhile lines wait up to `MOST_WAITING`.
 */
function continueAfterWriteErrors(out: ReturnType<typeof destination>): void {
  let failing = false
  const flushSync = out.flushSync.bind(out)
  out.flushSync = () => {
    if (!failing) flushSync()
  }
  out.on('error', (error: NodeJS.ErrnoException) => {
    if (!failing) writeStderr(`credence: the log cannot be written (${error.code}); the service goes on`)
    failing = true
  })
  out.on('write', () => {
    failing = false
  })
}

async function openLogStream(format: LogOptions['format']): Promise<DestinationStream> {
  const out = destination({
    sync: false,
    contentMode: 'buffer',
    maxLength: MAX_BUFFERED_BYTES,
    maxWrite: FLUSH_BYTES,
  })
  continueAfterWriteErrors(out)
  // It takes bytes in this mode; its types speak of text.
  const buffer = createLogBuffer(
    FLUSH_BYTES,
    FLUSH_INTERVAL_MS,
    chunk => void out.write(chunk as unknown as string),
  )
  const flushAndClose = (): void => {
    process.off('exit', flushAndClose)
    buffer.flush()
    out.flushSync()
  }
  process.once('exit', flushAndClose)
  if (format === 'json') return { write: buffer.write, flushSync: flushAndClose } as DestinationStream
  // Loaded only where people read along; services write JSON.
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    singleLine: format === 'text',
    colorize: false,
    ignore: 'service_name,service_version',
  })
  return {
    write: (line: string) => buffer.write(pretty(line)),
    flushSync: flushAndClose,
  } as DestinationStream
}
