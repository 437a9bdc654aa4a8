/** telemetry/accident — what may be told of an exception: its kind and where in the code it happened. Never its words, which may quote what it stumbled over. */
import type { LogEvent } from './records.ts'

/** Frames of the stack that are told. */
const MAX_STACK_FRAMES = 6

export function internalErrorEvent(where: string, thrown: unknown): LogEvent {
  if (!(thrown instanceof Error)) return { event: 'accident', where, error: typeof thrown, stack: '' }
  return { event: 'accident', where, error: thrown.name, stack: stackFrames(thrown) }
}

/** The stack without its head, which repeats the message, lines of it that look like frames included. */
function stackFrames({ stack = '', message }: Error): string {
  const messageStart = stack.indexOf(message)
  return (messageStart < 0 ? '' : stack.slice(messageStart + message.length))
    .split('\n')
    .filter(line => line.startsWith('    at '))
    .slice(0, MAX_STACK_FRAMES)
    .map(line => line.trim())
    .join('; ')
}
