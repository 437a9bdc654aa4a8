/** The numbers of HTTP/2: frame types, flags, error codes and settings (RFC 9113, sections 6, 7 and 11). */

/** The first bytes of every client (RFC 9113, section 3.4). */
export const CLIENT_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

export const FRAME_HEADER_BYTES = 9
/** Longest payload of a frame in both directions: the initial value of SETTINGS_MAX_FRAME_SIZE, and its least. */
export const MAX_FRAME_PAYLOAD_BYTES = 16_384
/** Windows are numbers of 31 bits, and start at this value (RFC 9113, section 6.9). */
export const MAX_WINDOW_BYTES = 2 ** 31 - 1
export const INITIAL_WINDOW_BYTES = 65_535
export const MAX_STREAM_ID = 2 ** 31 - 1

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const Flag = {
  endStream: 0x1,
  /** Of SETTINGS and PING. */
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const

export const ErrorCode = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  enhanceYourCalm: 0xb,
} as const

export const Setting = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
} as const
