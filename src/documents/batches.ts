/** lib/text_batches — a long list in JSON or YAML as several short ones, cut between its items, so that it can be read in steps. Knows only where items end, not what they mean. */

/** A list with some of the items. Reading all batches is the same as reading the whole. */
export interface Batch {
  readonly text: string
  /** 0-based place of the batch's first character in the whole. */
  readonly line: number
  readonly column: number
}

/**
 * Batches of at least `size` UTF-16 code units, as they are found; `undefined` as soon as the text is not of the plain kind
 * that can be cut without being understood: then it has to be read as a whole.
 */
export function batchesOf(text: string, size: number): Generator<Batch | undefined> {
  return /^\s*\[/.test(text) ? jsonBatches(text, size) : yamlBatches(text, size)
}

const VALUE = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|"(?:[^"\\\n]|\\[^\n])*"/y
const BLANK = /[ \t\r\n]+/y

/** Strict JSON only: what else YAML takes in brackets is not understood here. */
function* jsonBatches(text: string, size: number): Generator<Batch | undefined> {
  const place = placesIn(text)
  let start = text.indexOf('[')
  let depth = 0
  /** The last sign; `v` for a value that has ended. */
  let last = ''
  for (let at = start; at < text.length; ) {
    const char = text[at] as string
    const blank = matchAt(BLANK, text, at)
    if (blank > 0) {
      at += blank
      continue
    }
    if (char === '[' || char === '{') {
      if (last === 'v') return yield undefined
      depth++
      last = char
    } else if (char === ']' || char === '}') {
      if (last === ',' || last === ':') return yield undefined
      if (--depth === 0) {
        if (text.slice(at + 1).trim() !== '') return yield undefined
        return yield { text: `[${text.slice(start + 1, at + 1)}`, ...place(start) }
      }
      last = 'v'
    } else if (char === ',' || char === ':') {
      if (last !== 'v') return yield undefined
      if (char === ',' && depth === 1 && at - start >= size) {
        yield { text: `[${text.slice(start + 1, at)}]`, ...place(start) }
        start = at
      }
      last = char
    } else {
      const length = last === 'v' ? 0 : matchAt(VALUE, text, at)
      if (length === 0) return yield undefined
      at += length - 1
      last = 'v'
    }
    at++
  }
  yield undefined
}

/** Length of what a sticky expression matches there; 0 for nothing. */
function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex - at : 0
}

/** What refers to other parts of the document, or gives them a meaning from afar. */
const FAR = /(?:^|[\s[{,:-])[&*!][^\s\],}]/
/** An item of a list at the margin; what is indented belongs to it. */
const ITEM = /^-(?: |$)/

/** Before the first item. */
const EMPTY = /^\s*(?:#.*)?$/
/** After it. */
const WITHIN = /^(?:\s*(?:#.*)?|[ ].*)$/

function* yamlBatches(text: string, size: number): Generator<Batch | undefined> {
  let start = 0
  let startLine = 0
  let items = 0
  let header = false
  let line = 0
  for (let at = 0; at < text.length; line++) {
    const end = text.indexOf('\n', at)
    const next = end < 0 ? text.length : end + 1
    const content = text.slice(at, end < 0 ? text.length : end).replace(/\r$/, '')
    if (FAR.test(content)) return yield undefined
    if (ITEM.test(content)) {
      if (items > 0 && at - start >= size) {
        yield { text: text.slice(start, at), line: startLine, column: 0 }
        start = at
        startLine = line
      }
      items++
    } else if (content.trimEnd() === '---' && items === 0 && !header) {
      header = true
    } else if (!(items === 0 ? EMPTY : WITHIN).test(content)) {
      return yield undefined
    }
    at = next
  }
  yield items === 0 ? undefined : { text: text.slice(start), line: startLine, column: 0 }
}

/** Line and column of offsets that only grow. */
function placesIn(text: string): (offset: number) => { readonly line: number; readonly column: number } {
  let line = 0
  let lineStart = 0
  return offset => {
    for (
      let end = text.indexOf('\n', lineStart);
      end >= 0 && end < offset;
      end = text.indexOf('\n', lineStart)
    ) {
      line++
      lineStart = end + 1
    }
    return { line, column: offset - lineStart }
  }
}
