/** Splits the text of a template into tokens. */

export type TokenType =
  | 'text'
  | 'left'
  | 'right'
  | 'space'
  | 'assign'
  | 'declare'
  | 'pipe'
  | 'string'
  | 'raw'
  | 'variable'
  | 'char'
  | 'dot'
  | 'field'
  | 'number'
  | 'identifier'
  | 'keyword'
  | 'bool'
  | 'nil'
  | 'open'
  | 'close'
  | 'mark'
  | 'eof'

export interface Token {
  readonly type: TokenType
  readonly text: string
  /** Offset of the first character, in UTF-16 code units. */
  readonly at: number
}

/** A syntax error at an offset of the template. */
export class TemplateSyntaxError extends Error {
  readonly at: number
  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

const KEYWORDS = new Set([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'range',
  'template',
  'with',
])

const SPACES = /[ \t\r\n]+/y
const WORD = /[\p{L}\p{Nd}_]*/uy
const NUMBER =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)/y
const QUOTED = /"(?:[^"\\\n]|\\[^\n])*"/y
const RAW = /`[^`]*`/y
const CHAR = /'(?:[^'\\\n]|\\[^\n])*'/y
const RIGHT = /(?:[ \t\r\n]-)?\}\}/y

/** The last token is `eof`. Throws a `TemplateSyntaxError`. */
export function lex(text: string): Token[] {
  const tokens: Token[] = []
  let pos = 0
  let trim = false
  while (pos < text.length) {
    const start = text.indexOf('{{', pos)
    const end = start < 0 ? text.length : start
    let plain = text.slice(pos, end)
    if (trim) plain = plain.replace(/^[ \t\r\n]+/, '')
    const offset = end - plain.length
    if (start >= 0 && /^-[ \t\r\n]/.test(text.slice(start + 2, start + 4))) {
      plain = plain.slice(0, trimmedLength(plain))
    }
    if (plain !== '') tokens.push({ type: 'text', text: plain, at: offset })
    if (start < 0) break
    const action = lexAction(text, start, tokens)
    pos = action.end
    trim = action.trim
  }
  tokens.push({ type: 'eof', text: 'EOF', at: text.length })
  return tokens
}

function trimmedLength(text: string): number {
  let length = text.length
  while (length > 0 && ' \t\r\n'.includes(text[length - 1] as string)) length--
  return length
}

/** Reads one `{{ … }}` or comment from its left delimiter. */
function lexAction(text: string, start: number, tokens: Token[]): { end: number; trim: boolean } {
  const trimLeft = /^-[ \t\r\n]/.test(text.slice(start + 2, start + 4))
  let pos = start + (trimLeft ? 4 : 2)
  if (text.startsWith('/*', pos)) {
    const close = text.indexOf('*/', pos + 2)
    if (close < 0) throw new TemplateSyntaxError(start, 'unclosed comment')
    const right = matchAt(RIGHT, text, close + 2)
    if (right === undefined) throw new TemplateSyntaxError(close, 'comment ends before closing delimiter')
    return { end: close + 2 + right.length, trim: right.length > 2 }
  }
  tokens.push({ type: 'left', text: '{{', at: start })
  let depth = 0
  const push = (type: TokenType, word: string): void => {
    tokens.push({ type, text: word, at: pos })
    pos += word.length
  }
  while (true) {
    const right = matchAt(RIGHT, text, pos)
    if (right !== undefined) {
      if (depth > 0) throw new TemplateSyntaxError(pos, 'unclosed left paren')
      tokens.push({ type: 'right', text: '}}', at: pos })
      return { end: pos + right.length, trim: right.length > 2 }
    }
    if (pos >= text.length) throw new TemplateSyntaxError(start, 'unclosed action')
    const char = text[pos] as string
    const spaces = matchAt(SPACES, text, pos)
    if (spaces !== undefined) {
      // The last space may belong to a trimming delimiter (` -}}`).
      const cut = matchAt(RIGHT, text, pos + spaces.length - 1) === undefined ? 0 : 1
      push('space', cut === 1 && spaces.length > 1 ? spaces.slice(0, -1) : spaces)
    } else if (char === '=') push('assign', '=')
    else if (char === ':') {
      if (text[pos + 1] !== '=') throw new TemplateSyntaxError(pos, 'expected :=')
      push('declare', ':=')
    } else if (char === '|') push('pipe', '|')
    else if (char === '"') push('string', lexQuoted(QUOTED, text, pos, 'unterminated quoted string'))
    else if (char === '`') push('raw', lexQuoted(RAW, text, pos, 'unterminated raw quoted string'))
    else if (char === "'") push('char', lexQuoted(CHAR, text, pos, 'unterminated character constant'))
    else if (char === '$') push('variable', lexWord(text, pos, 1))
    else if (char === '.' && !/[0-9]/.test(text[pos + 1] ?? '')) {
      const field = lexWord(text, pos, 1)
      push(field === '.' ? 'dot' : 'field', field)
    } else if (/[.+\-0-9]/.test(char)) {
      const number = matchAt(NUMBER, text, pos) as string
      const after = text[pos + number.length] ?? ''
      if (
        number === '' ||
        after === '+' ||
        after === '-' ||
        matchAt(WORD, text, pos + number.length) !== ''
      ) {
        throw new TemplateSyntaxError(pos, `bad number syntax: ${JSON.stringify(number + after)}`)
      }
      push('number', number)
    } else if (char === '(') {
      depth++
      push('open', '(')
    } else if (char === ')') {
      if (--depth < 0) throw new TemplateSyntaxError(pos, 'unexpected right paren')
      push('close', ')')
    } else if (matchAt(WORD, text, pos) !== '') {
      const name = lexWord(text, pos, 0)
      const type =
        name === 'true' || name === 'false'
          ? 'bool'
          : name === 'nil'
            ? 'nil'
            : KEYWORDS.has(name)
              ? 'keyword'
              : 'identifier'
      push(type, name)
    } else if (char === '\\') {
      const quote =
        text[pos + 1] === '"' ? ' before a quote: the quote is escaped once too often' : ' in an action'
      throw new TemplateSyntaxError(pos, `a backslash${quote}`)
    } else if (/[\x21-\x7e]/.test(char)) push('mark', char)
    else throw new TemplateSyntaxError(pos, `unrecognized character in action: ${JSON.stringify(char)}`)
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

function lexQuoted(pattern: RegExp, text: string, at: number, message: string): string {
  const found = matchAt(pattern, text, at)
  if (found === undefined) throw new TemplateSyntaxError(at, message)
  return found
}

/** Reads a word after `skip` characters; Go restricts the character after it. */
function lexWord(text: string, at: number, skip: number): string {
  const found = text.slice(at, at + skip) + matchAt(WORD, text, at + skip)
  const end = at + found.length
  const after = text[end]
  if (after !== undefined && !/[ \t\r\n.,|:()]/.test(after) && !text.startsWith('}}', end)) {
    throw new TemplateSyntaxError(end, `bad character ${JSON.stringify(after)}`)
  }
  return found
}
