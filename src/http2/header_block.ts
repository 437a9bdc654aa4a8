/** Puts a header block together from HEADERS and CONTINUATION frames (RFC 9113, section 4.3). */

/** A block that is longer, or comes in more frames, ends the connection (CVE-2024-27316). */
const MAX_BLOCK_BYTES = 65_536
const MAX_CONTINUATION_FRAMES = 32

export class HeaderBlock {
  /** The stream whose block is not complete; 0 where none is. Then only its CONTINUATION may come next. */
  streamId = 0
  endStream = false
  #fragments: Buffer[] = []
  #bytes = 0

  begin(streamId: number, endStream: boolean, fragment: Buffer): void {
    this.streamId = streamId
    this.endStream = endStream
    this.#fragments = [Buffer.from(fragment)]
    this.#bytes = fragment.length
  }

  /** False where the block is too long or has too many frames. */
  append(fragment: Buffer): boolean {
    this.#fragments.push(Buffer.from(fragment))
    this.#bytes += fragment.length
    return this.#bytes <= MAX_BLOCK_BYTES && this.#fragments.length <= MAX_CONTINUATION_FRAMES + 1
  }

  /** The complete block. */
  take(): Buffer {
    const block = Buffer.concat(this.#fragments, this.#bytes)
    this.streamId = 0
    this.#fragments = []
    return block
  }
}
