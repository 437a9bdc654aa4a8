/** Encodes header blocks (RFC 7541) without the dynamic table, so that a block is the same on each connection. */

/** Index 8 of the static table is `:status: 200`. */
const STATUS_200 = Uint8Array.of(0x88)
/** Says that the dynamic table has no bytes. A peer that reduces the table's size waits for such a statement. */
export const EMPTY_TABLE = Uint8Array.of(0x20)

/** A block of these fields. Names in lower case; names and values in Latin-1. */
export function encodeHeaderBlock(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(fields).map(([name, value]) =>
      name === ':status' && value === '200' ? STATUS_200 : encodeLiteral(name, value),
    ),
  )
}

/** A literal field without indexing and with a new name (RFC 7541, section 6.2.2). */
const encodeLiteral = (name: string, value: string): Buffer =>
  Buffer.concat([Uint8Array.of(0), encodeText(name), encodeText(value)])

/** A text without Huffman code. */
function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  return Buffer.concat([encodeLength(bytes.length), bytes])
}

/** A number behind one bit, which is 0 (RFC 7541, section 5.1). */
function encodeLength(length: number): Uint8Array {
  if (length < 127) return Uint8Array.of(length)
  const bytes = [127]
  let rest = length - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
