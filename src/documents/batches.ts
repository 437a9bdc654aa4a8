/** Splits a long JSON or YAML list into short ones, so that a large file does not block the event loop. */

/** A document that lists some of the items. Parsing all batches yields the items of the whole document. */
export interface TextBatch {
  readonly text: string
  /** 0-based position of the first character in the whole document. */
  readonly line: number
  readonly column: number
}

/**
 * Yields batches of at least `minChars` UTF-16 code units. Yields `undefined` when the text is not of the simple form
 * that can be split without a parser: the caller then discards the batches and parses the document as a whole.
 */
export function splitIntoBatches(text: string, minChars: number): Generator<TextBatch | undefined> {
  return /^\s*\[/.test(text) ? splitJson(text, minChars) : splitYaml(text, minChars)
}

const JSON_SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|"(?:[^"\\\n]|\\[^\n])*"/y
const JSON_WHITESPACE = /[ \t\r\n]+/y

/** Accepts strict JSON only; YAML allows more between brackets. */
function* splitJson(text: string, minChars: number): Generator<TextBatch | undefined> {
  const position = createPositionCounter(text)
  let start = text.indexOf('[')
  let depth = 0
  /** The last bracket, comma or colon; `v` after a complete value. */
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

/** Length of a sticky expression's match at an offset; 0 without a match. */
function matchLength(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex - at : 0
}

/** An anchor, an alias or a tag: it may depend on another part of the document. */
const YAML_REFERENCE = /(?:^|[\s[{,:-])[&*!][^\s\],}]/
/** The start of an item of the top-level list; indented lines belong to it. */
const YAML_ITEM = /^-(?: |$)/

/** Allowed before the first item. */
const YAML_EMPTY_LINE = /^\s*(?:#.*)?$/
/** Allowed after it. */
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

/** Converts offsets to positions; the offsets must not decrease. */
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
