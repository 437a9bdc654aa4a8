/** Bounds what calls hold whose message has not arrived whole: bytes in this process, and time. */
import { type Instant, millis, plusMillis } from '../lib/time.ts'

/** Longest time from the arrival of a call to the end of its message. A proxy on the same network needs a few ms. */
const MESSAGE_TIMEOUT_MS = millis(5_000)
/** Bytes of unfinished messages in this process: 16 messages of the greatest length. */
const MAX_BYTES = 64 * 1024 * 1024
const SWEEP_INTERVAL_MS = 1_000

/** A message that arrives. */
export interface UnfinishedMessage {
  readonly arrived: Instant
  /** Bytes that it holds. */
  bytes: number
  /** Ends the call and drops the bytes. Called with `removed` set already. */
  readonly abandon: () => void
}

export interface UnfinishedMessages {
  add(message: UnfinishedMessage): void
  /** Counts bytes of a message that was added. May abandon messages, this one included. */
  grow(message: UnfinishedMessage, bytes: number): void
  /** Without an effect on a message that was removed before. */
  remove(message: UnfinishedMessage): void
  /** Stops the timer. */
  close(): void
}

/**
 * One for each server. Messages that take longer than the timeout are abandoned, and where the bytes exceed
 * the limit the greatest ones first: a client that holds back the ends of its messages cannot keep out the
 * short ones of others.
 */
export function createUnfinishedMessages(
  now: () => Instant,
  { maxBytes = MAX_BYTES, timeout = MESSAGE_TIMEOUT_MS, sweepIntervalMs = SWEEP_INTERVAL_MS } = {},
): UnfinishedMessages {
  const unfinished = new Set<UnfinishedMessage>()
  let total = 0
  const remove = (message: UnfinishedMessage): void => {
    if (unfinished.delete(message)) total -= message.bytes
  }
  const abandon = (message: UnfinishedMessage): void => {
    remove(message)
    message.abandon()
  }
  const sweep = (): void => {
    const at = now()
    // A set keeps the order of arrival.
    for (const message of unfinished) {
      if (plusMillis(message.arrived, timeout) > at) break
      abandon(message)
    }
  }
  const timer = setInterval(sweep, sweepIntervalMs).unref()
  return {
    add: message => void unfinished.add(message),
    grow(message, bytes) {
      message.bytes += bytes
      total += bytes
      if (total <= maxBytes) return
      while (total > maxBytes) abandon(greatest(unfinished))
    },
    remove,
    close: () => clearInterval(timer),
  }
}

function greatest(messages: Iterable<UnfinishedMessage>): UnfinishedMessage {
  let found: UnfinishedMessage | undefined
  for (const message of messages) if (found === undefined || message.bytes > found.bytes) found = message
  return found as UnfinishedMessage
}
