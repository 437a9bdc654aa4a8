/** Log record of an unexpected exception: its class and stack frames. Its message may quote a credential and is left out. */
import type { LogEvent } from './records.ts'

const MAX_STACK_FRAMES = 6

/** `where`: part of the service that caught the exception. */
export function internalErrorEvent(where: string, thrown: unknown): LogEvent {
  if (!(thrown instanceof Error)) return { event: 'internal_error', where, error: typeof thrown, stack: '' }
  return { event: 'internal_error', where, error: thrown.name, stack: stackFrames(thrown) }
}

/** The stack without the message at its start, which may contain lines that look like frames. */
function stackFrames({ stack = '', message }: Error): string {
  const messageStart = stack.indexOf(message)
  return (messageStart < 0 ? '' : stack.slice(messageStart + message.length))
    .split('\n')
    .filter(line => line.startsWith('    at '))
    .slice(0, MAX_STACK_FRAMES)
    .map(line => line.trim())
    .join('; ')
}
