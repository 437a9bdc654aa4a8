/** The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B): decodes eight bits at a time. */

/** Bits of the code of each byte; the last one is EOS. From RFC 7541, appendix B. */
// biome-ignore format: sixteen a line, as bytes are usually listed
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]
const EOS = 256
const MAX_CODE_BITS = 30

/** A node of the code tree: the numbers of its two children, or a symbol below zero (`~symbol`). */
type Node = [number, number]

/**
 * The tree of the code. The code is canonical: sorted by length and then by value, each code is the one before
 * it plus one.
 */
function buildTree(): readonly Node[] {
  const nodes: Node[] = [[0, 0]]
  let code = 0
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++, code *= 2)
    for (let symbol = 0; symbol <= EOS; symbol++)
      if (CODE_BITS[symbol] === bits) addCode(code++, bits, symbol)
  return nodes

  function addCode(path: number, bits: number, symbol: number): void {
    let at = nodes[0] as Node
    for (let bit = bits - 1; bit > 0; bit--) {
      const side = (path >>> bit) & 1
      if (at[side] === 0) at[side] = nodes.push([0, 0]) - 1
      at = nodes[at[side] as number] as Node
    }
    at[path & 1] = ~symbol
  }
}

// One step of the decoder reads a byte at an inner node of the tree. It ends at another inner node, and passes
// at most two symbols, because no code is shorter than five bits. The tables have 256 steps for each node.
const tree = buildTree()
const STEPS = tree.length * 256
/** The node after the step; `FAILED` after EOS, which a text must not contain. */
const nextNode = new Uint16Array(STEPS)
const symbolCount = new Uint8Array(STEPS)
const symbols = new Uint8Array(STEPS * 2)
const FAILED = 0xffff
/** Whether a text may end at this node: fewer than eight bits after a symbol, all of them 1. */
const isPadding = new Uint8Array(tree.length)

tree.forEach((_, start) => {
  for (let byte = 0; byte < 256; byte++) readByte(start, byte)
})
for (let bits = 0, at = 0; bits < 8; bits++, at = tree[at]?.[1] as number) isPadding[at] = 1

function readByte(start: number, byte: number): void {
  const step = start * 256 + byte
  let at = start
  for (let bit = 7; bit >= 0; bit--) {
    const next = tree[at]?.[((byte >>> bit) & 1) as 0 | 1] as number
    if (next >= 0) at = next
    else if (~next === EOS) {
      nextNode[step] = FAILED
      return
    } else {
      symbols[step * 2 + (symbolCount[step] as number)] = ~next
      ;(symbolCount[step] as number)++
      at = 0
    }
  }
  nextNode[step] = at
}

/** Grows to the longest text that was decoded, which the limit on header blocks bounds. */
let decoded = Buffer.allocUnsafe(4096)

/**
 * The text of `bytes[start … end)`, one character for each byte. `undefined` where it contains EOS or ends with
 * another padding than RFC 7541 demands.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  // A byte has at most 8/5 symbols.
  const longest = (end - start) * 2
  if (decoded.length < longest) decoded = Buffer.allocUnsafe(longest)
  const target = decoded
  let length = 0
  let node = 0
  for (let at = start; at < end; at++) {
    const step = node * 256 + (bytes[at] as number)
    node = nextNode[step] as number
    if (node === FAILED) return undefined
    const count = symbolCount[step] as number
    // Writing both always is faster than asking, and the second place is written again.
    target[length] = symbols[step * 2] as number
    target[length + 1] = symbols[step * 2 + 1] as number
    length += count
  }
  return isPadding[node] === 1 ? target.toString('latin1', 0, length) : undefined
}
