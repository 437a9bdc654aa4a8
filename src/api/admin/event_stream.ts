/** Sends activity as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import type { ServerResponse } from 'node:http'
import type { Activity, RecentActivity } from '../../telemetry/recent_activity.ts'
import { jsonErrorReply, type Reply } from '../reply.ts'
import type { ActivityFilter } from './activity_filter.ts'

export interface EventStreams {
  /** A stream of the activity after a sequence number, or 503 where too many are open. */
  open(filter: ActivityFilter, since: number, maxPerSecond: number): Reply
  /** Ends all streams. */
  close(): void
}

const MAX_STREAMS = 20
/** Time between two looks at the activity, ms. A Check does nothing for a stream. */
const INTERVAL_MS = 100
/** Bounds the work of one look. */
const MAX_ACTIVITY_PER_INTERVAL = 1_000
/** Proxies and clients close connections that are silent for longer, ms. */
const COMMENT_INTERVAL_MS = 15_000
/** A client that reads so slowly that more waits for it is disconnected. */
const MAX_WAITING_BYTES = 1024 * 1024
export const MAX_EVENTS_PER_SECOND = 1_000

const HEADERS: Reply['headers'] = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['cache-control', 'no-store'],
  // nginx would otherwise collect events until its buffer is full.
  ['x-accel-buffering', 'no'],
]
const TOO_MANY_STREAMS = jsonErrorReply(503, `More than ${MAX_STREAMS} streams are open`)

export function createEventStreams(recent: RecentActivity): EventStreams {
  const open = new Set<ServerResponse>()

  function stream(
    response: ServerResponse,
    filter: ActivityFilter,
    since: number,
    maxPerSecond: number,
  ): void {
    const unfollow = recent.follow()
    let cursor = since
    let silentMs = 0
    const perInterval = Math.max(1, Math.round((maxPerSecond * INTERVAL_MS) / 1000))
    const send = (text: string): void => {
      silentMs = 0
      response.write(text)
      if (response.writableLength > MAX_WAITING_BYTES) response.destroy()
    }
    const timer = setInterval(() => {
      silentMs += INTERVAL_MS
      const { activity, lost } = recent.after(cursor, MAX_ACTIVITY_PER_INTERVAL)
      cursor = activity.at(-1)?.sequence ?? cursor
      const matching = activity.filter(filter)
      const dropped = lost + Math.max(0, matching.length - perInterval)
      const text = matching.slice(-perInterval).map(formatEvent).join('')
      if (dropped > 0) send(`event: lost\ndata: ${JSON.stringify({ count: dropped })}\n\n`)
      if (text !== '') send(text)
      else if (silentMs >= COMMENT_INTERVAL_MS) send(': still here\n\n')
    }, INTERVAL_MS)
    open.add(response)
    response.once('close', () => {
      clearInterval(timer)
      unfollow()
      open.delete(response)
    })
    send(': activity of Credence\n\n')
  }

  return {
    open(filter, since, maxPerSecond) {
      if (open.size >= MAX_STREAMS) return TOO_MANY_STREAMS
      return {
        status: 200,
        headers: HEADERS,
        body: '',
        stream: response => stream(response, filter, since, maxPerSecond),
      }
    },
    close() {
      for (const response of open) response.end()
    },
  }
}

const formatEvent = (activity: Activity): string => {
  const name = activity.kind === 'decision' ? 'decision' : activity.event.event
  return `event: ${name}\nid: ${activity.sequence}\ndata: ${JSON.stringify(activityBody(activity))}\n\n`
}

/** Activity as the admin API shows it: the fields of the log, and the time in RFC 3339. */
export function activityBody(activity: Activity): object {
  const time = new Date(activity.wallMs).toISOString()
  return activity.kind === 'decision'
    ? { time, ...activity.record }
    : { time, level: activity.level, ...activity.event }
}
