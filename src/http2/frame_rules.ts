/** What RFC 9113 (section 6) demands of each type of frame, whatever the state of its stream. */
import { ErrorCode, FrameType } from './frames.ts'

interface FrameRule {
  /** `connection`: the frame's stream is 0. `stream`: it is not. */
  readonly concerns: 'connection' | 'stream' | 'both'
  /** Length of the payload, in bytes; `undefined` for any. */
  readonly bytes?: number
  /** Least length of the payload, in bytes. */
  readonly minBytes?: number
}

const RULES: Readonly<Record<number, FrameRule>> = {
  [FrameType.data]: { concerns: 'stream' },
  [FrameType.headers]: { concerns: 'stream' },
  [FrameType.priority]: { concerns: 'stream', bytes: 5 },
  [FrameType.rstStream]: { concerns: 'stream', bytes: 4 },
  [FrameType.settings]: { concerns: 'connection' },
  [FrameType.ping]: { concerns: 'connection', bytes: 8 },
  [FrameType.goaway]: { concerns: 'connection', minBytes: 8 },
  [FrameType.windowUpdate]: { concerns: 'both', bytes: 4 },
  [FrameType.continuation]: { concerns: 'stream' },
}

/** The error code of the connection for a frame that breaks its type's rule. */
export function checkFrame(type: number, streamId: number, bytes: number): number {
  const rule = RULES[type]
  if (rule === undefined) return ErrorCode.noError
  if (rule.concerns !== 'both' && (rule.concerns === 'connection') !== (streamId === 0))
    return ErrorCode.protocolError
  const fits = bytes === (rule.bytes ?? bytes) && bytes >= (rule.minBytes ?? 0)
  return fits ? ErrorCode.noError : ErrorCode.frameSizeError
}
