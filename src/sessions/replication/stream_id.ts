/** Ids of a Redis stream, `milliseconds-number`. They order revocations for all replicas. */

export type StreamId = string

/** Before any revocation. */
export const STREAM_START: StreamId = '0-0'

/** Whether Redis issued `a` before `b`. A text that is no id counts as the earliest. */
export function isBefore(a: StreamId, b: StreamId): boolean {
  const [aTime, aNumber] = parseStreamId(a)
  const [bTime, bNumber] = parseStreamId(b)
  return aTime === bTime ? aNumber < bNumber : aTime < bTime
}

export const maxStreamId = (a: StreamId, b: StreamId): StreamId => (isBefore(a, b) ? b : a)

function parseStreamId(id: StreamId): readonly [number, number] {
  const [, time, number] = /^(\d{1,15})-(\d{1,15})$/.exec(id) ?? []
  return [Number(time ?? -1), Number(number ?? -1)]
}
