/** lib/text_batches — a long list in JSON or YAML as several short ones, cut between its items, so that it can be read in steps. Knows only where items end, not what they mean. */

/** A list with some of the items. Reading all batches is the same as reading the whole. */
export interface TextBatch {
  readonly text: string
  /** 0-based place of the batch's first character in the whole. */
  readonly line: number
  readonly column: number
}

/**
 * Batches of at least `size` UTF-16 code units, as they are found; `undefined` as soon as the text is not of the plain kind
 * that can be cut without being understood: then it has to be read as a whole.
 */
export function splitIntoBatches(text: string, minChars: number): Generator<TextBatch | undefined> {
  return /^\s*\[/.test(text) ? splitJson(text, minChars) : splitYaml(text, minChars)
}

const JSON_SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|"(?:[^"\\\n]|\\[^\n])*"/y
const JSON_WHITESPACE = /[ \t\r\n]+/y

/** Strict JSON only: what else YAML takes in brackets is not understood here. */
function* splitJson(text: string, minChars: number): Generator<TextBatch | undefined> {
  const position = createPositionCounter(text)
  let start = text.indexOf('[')
  let depth = 0
  /** The last sign; `v` for a value that has ended. */
  let lastToken = ''
  for (let at = start; at < text.length; ) {
    const char = text[at] as string
    const blank = matchLength(JSON_WHITESPACE, text, at)
    if (blank > 0) {
      at += blank
      continue
    }
    if (char === '[' || char === '{') {
      if (lastToken === 'v') return yield undefined
      depth++
      lastToken = char
    } else if (char === ']' || char === '}') {
      if (lastToken === ',' || lastToken === ':') return yield undefined
      if (--depth === 0) {
        if (text.slice(at + 1).trim() !== '') return yield undefined
        return yield { text: `[${text.slice(start + 1, at + 1)}`, ...position(start) }
      }
      lastToken = 'v'
    } else if (char === ',' || char === ':') {
      if (lastToken !== 'v') return yield undefined
      if (char === ',' && depth === 1 && at - start >= minChars) {
        yield { text: `[${text.slice(start + 1, at)}]`, ...position(start) }
        start = at
      }
      lastToken = char
    } else {
      const length = lastToken === 'v' ? 0 : matchLength(JSON_SCALAR, text, at)
      if (length === 0) return yield undefined
      at += length - 1
      lastToken = 'v'
    }
    at++
  }
  yield undefined
}

/** Length of what a sticky expression matches there; 0 for nothing. */
function matchLength(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex - at : 0
}

/** What refers to other parts of the document, or gives them a meaning from afar. */
const YAML_REFERENCE = /(?:^|[\s[{,:-])[&*!][^\s\],}]/
/** An item of a list at the margin; what is indented belongs to it. */
const YAML_ITEM = /^-(?: |$)/

/** Before the first item. */
const YAML_EMPTY_LINE = /^\s*(?:#.*)?$/
/** After it. */
const YAML_ITEM_BODY = /^(?:\s*(?:#.*)?|[ ].*)$/

function* splitYaml(text: string, minChars: number): Generator<TextBatch | undefined> {
  let start = 0
  let startLine = 0
  let items = 0
  let header = false
  let line = 0
  for (let at = 0; at < text.length; line++) {
    const end = text.indexOf('\n', at)
    const next = end < 0 ? text.length : end + 1
    const content = text.slice(at, end < 0 ? text.length : end).replace(/\r$/, '')
    if (YAML_REFERENCE.test(content)) return yield undefined
    if (YAML_ITEM.test(content)) {
      if (items > 0 && at - start >= minChars) {
        yield { text: text.slice(start, at), line: startLine, column: 0 }
        start = at
        startLine = line
      }
      items++
    } else if (content.trimEnd() === '---' && items === 0 && !header) {
      header = true
    } else if (!(items === 0 ? YAML_EMPTY_LINE : YAML_ITEM_BODY).test(content)) {
      return yield undefined
    }
    at = next
  }
  yield items === 0 ? undefined : { text: text.slice(start), line: startLine, column: 0 }
}

/** Line and column of offsets that only grow. */
function createPositionCounter(
  text: string,
): (offset: number) => { readonly line: number; readonly column: number } {
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
