/** The log: writes typed records as JSON lines. The only file that imports pino. */
import { type DestinationStream, destination, pino } from 'pino'
import { formatDiagnostic } from '../documents/diagnostic.ts'
import { writeStderr } from '../lib/write_stderr.ts'
import { createDecisionFormatter } from './decision_formatter.ts'
import { formatDecisionText } from './decision_text.ts'
import { createLogBuffer } from './log_buffer.ts'
import type { DecisionRecord, LogEvent, LogLevel } from './records.ts'

export interface Log {
  decision(record: DecisionRecord): void
  event(level: LogLevel, event: LogEvent): void
  /** Writes buffered lines. No record may follow. */
  close(): void
  setLevel(level: LogLevel): void
}

export interface LogOptions {
  readonly level: LogLevel
  readonly format: 'json' | 'json_pretty' | 'text'
  readonly name: string
  readonly version: string
  /** ms since the epoch. */
  readonly wall: () => number
  /** For tests; standard output otherwise. */
  readonly stream?: DestinationStream
  /** Called with each event, whether or not its level is logged. */
  readonly onEvent?: ((level: LogLevel, event: LogEvent) => void) | undefined
}

type FixedTextEvent = Exclude<LogEvent['event'], 'config_problem' | 'reload' | 'tls'>

const MESSAGES: Readonly<Record<FixedTextEvent, string>> = {
  started: 'Credence is listening',
  ready: 'Ready: every rule repository has been loaded',
  not_ready: 'Not ready: every request is denied with 503',
  draining: 'Draining: reports not ready, then accepts no connections and completes the Checks in flight',
  stopped: 'Stopped',
  internal_error: 'Unexpected error',
  overload: 'The event loop is late: Checks are denied with 503, or no longer',
  circuit_breaker: 'Circuit breaker for Kratos changed state',
  revocation: 'Sessions revoked',
  revocation_rejected: 'Call of the revocation endpoint rejected',
  revocation_stream: 'Revocation stream changed state',
}

/** Operators search logs by message, so each outcome has a text of its own. */
const RELOAD_MESSAGES = {
  changed: 'Configuration and rules loaded',
  unchanged: 'Configuration and rules unchanged',
  partial: 'A rule repository cannot be used: its previous rules stay in force',
} as const

/** `: 2 rules added, 1 changed`; empty where no rule differs. */
function describeChanges({ added, removed, changed }: Extract<LogEvent, { event: 'reload' }>): string {
  const parts = Object.entries({ added, removed, changed }).filter(([, count]) => count > 0)
  if (parts.length === 0) return ''
  const [first = 0] = parts.map(([, count]) => count)
  const texts = parts.map(([what, count]) => `${count} ${what}`).join(', ')
  return `: ${texts.replace(/^\d+/, `$& ${first === 1 ? 'rule' : 'rules'}`)}`
}

const TLS_MESSAGES = {
  renewed: 'TLS certificate renewed',
  rejected: 'New TLS certificate rejected: the previous one stays in use',
} as const

function messageOf(event: LogEvent): string {
  switch (event.event) {
    case 'config_problem':
      // The same text as in the output of `validate`.
      return formatDiagnostic(event)
    case 'reload':
      if (event.outcome !== 'rejected') return RELOAD_MESSAGES[event.outcome] + describeChanges(event)
      return `Reload rejected: ${event.revision === '' ? 'no rules are in force' : 'the previous rules stay in force'}`
    case 'tls':
      return TLS_MESSAGES[event.state]
    default:
      return MESSAGES[event.event]
  }
}

/** Size of a chunk in bytes. A write costs as much as several Checks, so chunks are larger than pino's 16 KiB. */
const FLUSH_BYTES = 64 * 1024
/** Maximum delay of a line, ms. */
const FLUSH_INTERVAL_MS = 100
/** Maximum number of bytes buffered for a slow reader of the log; further lines are dropped. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024

/** Lines are written in the background after 100 ms at the latest, so a slow reader of the log delays no Check. */
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
  const lineOf =
    options.format === 'text'
      ? (record: DecisionRecord) => `${formatDecisionText(record, wall())}\n`
      : createDecisionFormatter(base, wall)
  return {
    decision(record) {
      if (logger.isLevelEnabled('info')) out.write(lineOf(record))
    },
    event(level, event) {
      logger[level](event, messageOf(event))
      options.onEvent?.(level, event)
    },
    close: () => {
      if ('flushSync' in out && typeof out.flushSync === 'function') out.flushSync()
    },
    setLevel: level => {
      logger.level = level
    },
  }
}

/**
 * Keeps the service running when the log cannot be written, for example to a full disk. Without a listener the error would
 * end the process, and `flushSync` of the library retries forever. Failed chunks are retried with the next one. Up to
 * `MAX_BUFFERED_BYTES` wait.
 */
function continueAfterWriteErrors(out: ReturnType<typeof destination>): void {
  let failing = false
  const flushSync = out.flushSync.bind(out)
  out.flushSync = () => {
    if (!failing) flushSync()
  }
  out.on('error', (error: NodeJS.ErrnoException) => {
    if (!failing) writeStderr(`credence: cannot write the log (${error.code}); the service continues`)
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
  // With `contentMode: 'buffer'` it takes bytes, although its type says string.
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
  // Loaded only if the format needs it.
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    singleLine: format === 'text',
    colorize: false,
    ignore: 'service_name,service_version',
  })
  return {
    // Decisions of the text format are text already; all other lines are JSON.
    write: (line: string) => buffer.write(line.startsWith('{') ? pretty(line) : line),
    flushSync: flushAndClose,
  } as DestinationStream
}
