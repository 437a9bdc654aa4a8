/** telemetry/lots — log lines to bytes that leave in lots. Knows no record; where the bytes go it is told. */

export interface LogBuffer {
  write(line: string): void
  /** Sends what waits. */
  flush(): void
}

/**
 * Lines collect in one buffer until `size` bytes are full or `wait` ms have passed since the first of them. Collecting
 * them as one growing string, as the library does, costs each line a copy of all that wait before it.
 */
export function createLogBuffer(
  flushBytes: number,
  flushIntervalMs: number,
  sendChunk: (lot: Buffer) => void,
): LogBuffer {
  let lot = Buffer.allocUnsafeSlow(flushBytes)
  let used = 0
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (used === 0) return
    const chunk = lot.subarray(0, used)
    lot = Buffer.allocUnsafeSlow(flushBytes)
    used = 0
    sendChunk(chunk)
  }

  return {
    write(line) {
      // No text takes more than three bytes a code unit, so that it need not be measured first.
      const maxBytes = line.length * 3
      if (used + maxBytes > flushBytes) flush()
      if (maxBytes > flushBytes) return sendChunk(Buffer.from(line))
      used += lot.write(line, used)
      timer ??= setTimeout(flush, flushIntervalMs)
    },
    flush,
  }
}
