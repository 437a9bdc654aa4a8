/** What a peer has announced in its SETTINGS frames (RFC 9113, section 6.5). */
import {
  ErrorCode,
  INITIAL_WINDOW_BYTES,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_WINDOW_BYTES,
  Setting,
} from './frames.ts'

const SETTING_BYTES = 6
/** The greatest value of SETTINGS_MAX_FRAME_SIZE. */
const MAX_FRAME_SIZE_SETTING = 2 ** 24 - 1

export class PeerSettings {
  /** Window of a new stream, in bytes. */
  initialWindowBytes = INITIAL_WINDOW_BYTES

  /**
   * Applies the settings of one frame, in their order. Returns the error code of the connection where one is
   * invalid. Settings without a meaning for a server that sends short frames and no table are only checked.
   */
  apply(bytes: Buffer, start: number, end: number): number {
    if ((end - start) % SETTING_BYTES !== 0) return ErrorCode.frameSizeError
    for (let at = start; at < end; at += SETTING_BYTES) {
      const value = bytes.readUInt32BE(at + 2)
      switch (bytes.readUInt16BE(at)) {
        case Setting.enablePush:
          if (value > 1) return ErrorCode.protocolError
          break
        case Setting.initialWindowSize:
          if (value > MAX_WINDOW_BYTES) return ErrorCode.flowControlError
          this.initialWindowBytes = value
          break
        case Setting.maxFrameSize:
          if (value < MAX_FRAME_PAYLOAD_BYTES || value > MAX_FRAME_SIZE_SETTING)
            return ErrorCode.protocolError
          break
      }
    }
    return ErrorCode.noError
  }
}

/** The payload of a SETTINGS frame. */
export function encodeSettings(settings: readonly (readonly [setting: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(settings.length * SETTING_BYTES)
  settings.forEach(([setting, value], i) => {
    payload.writeUInt16BE(setting, i * SETTING_BYTES)
    payload.writeUInt32BE(value, i * SETTING_BYTES + 2)
  })
  return payload
}
