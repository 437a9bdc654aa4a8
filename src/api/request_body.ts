/** Reads the body of an api request up to a limit. */

/**
 * The body, or `undefined` where it is longer than `maxBytes`; then the rest is not read. Rejects where the client
 * disconnects in the middle.
 */
export async function readBody(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const read: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > maxBytes) return undefined
    read.push(chunk)
  }
  return Buffer.concat(read, size)
}
