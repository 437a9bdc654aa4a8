/** Collects log lines and passes them on in large chunks. */

export interface LogBuffer {
  write(line: string): void
  /** Passes on what has been collected. */
  flush(): void
}

/**
 * Passes on a chunk once `flushBytes` are full, or `flushIntervalMs` after its first line. Lines are encoded into one
 * buffer: pino's destination appends them to a growing string, which copies all waiting lines for every new one.
 */
export function createLogBuffer(
  flushBytes: number,
  flushIntervalMs: number,
  sendChunk: (chunk: Buffer) => void,
): LogBuffer {
  let buffer = Buffer.allocUnsafeSlow(flushBytes)
  let used = 0
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (used === 0) return
    const chunk = buffer.subarray(0, used)
    buffer = Buffer.allocUnsafeSlow(flushBytes)
    used = 0
    sendChunk(chunk)
  }

  return {
    write(line) {
      // UTF-8 takes at most three bytes for each UTF-16 code unit, so the line need not be measured.
      const maxBytes = line.length * 3
      if (used + maxBytes > flushBytes) flush()
      if (maxBytes > flushBytes) return sendChunk(Buffer.from(line))
      used += buffer.write(line, used)
      timer ??= setTimeout(flush, flushIntervalMs)
    },
    flush,
  }
}
