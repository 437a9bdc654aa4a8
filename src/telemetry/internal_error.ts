/** telemetry/accident — what may be told of an exception: its kind and where in the code it happened. Never its words, which may quote what it stumbled over. */
import type { Event } from './records.ts'

/** Frames of the stack that are told. */
const FRAMES = 6

export function accidentEvent(where: string, thrown: unknown): Event {
  if (!(thrown instanceof Error)) return { event: 'accident', where, error: typeof thrown, stack: '' }
  return { event: 'accident', where, error: thrown.name, stack: frames(thrown) }
}

/** The stack without its head, which repeats the message, lines of it that look like frames included. */
function frames({ stack = '', message }: Error): string {
  const head = stack.indexOf(message)
  return (head < 0 ? '' : stack.slice(head + message.length))
    .split('\n')
    .filter(line => line.startsWith('    at '))
    .slice(0, FRAMES)
    .map(line => line.trim())
    .join('; ')
}
