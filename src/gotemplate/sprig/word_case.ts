/** Naming styles of sprig: snake, kebab and camel case, and two changes of letter case. */
import { isSpace, toLower, toUpper } from '../../golang/index.ts'

const isUpper = (char: string): boolean => /^\p{Lu}/u.test(char)
const isLower = (char: string): boolean => /^\p{Ll}/u.test(char)
const isNumber = (char: string): boolean => /^\p{N}/u.test(char)
const isPunctuation = (char: string): boolean => /^\p{P}/u.test(char)

/** sprig's `untitle`: converts the first letter of each word to lower case. */
export function untitle(text: string): string {
  let next = true
  let out = ''
  for (const char of text) {
    if (isSpace(char)) next = true
    else if (next) {
      out += toLower(char)
      next = false
      continue
    }
    out += char
  }
  return out
}

/** sprig's `swapcase`. */
export const swapCase = (text: string): string =>
  [...text]
    .map(char =>
      isUpper(char) || /^\p{Lt}/u.test(char) ? toLower(char) : isLower(char) ? toUpper(char) : char,
    )
    .join('')

const isConnector = (char: string): boolean => char === '-' || char === '_' || isSpace(char)

/** xstrings' `ToCamelCase`: `some_words` becomes `SomeWords`; leading connectors stay. */
export function camelCase(text: string): string {
  const chars = [...text]
  let i = 0
  let out = ''
  while (i < chars.length && isConnector(chars[i] as string)) out += chars[i++]
  // xstrings repeats the last connector if the text has nothing else.
  if (i >= chars.length) return out + (chars.at(-1) ?? '')
  let startsUpper = isUpper(chars[i] as string)
  let current = toUpper(chars[i++] as string)
  if (i >= chars.length) return out + current
  for (; i < chars.length; i++) {
    const before = current
    current = chars[i] as string
    if (isConnector(current) && isConnector(before)) {
      out += before
      continue
    }
    if (isConnector(before)) {
      startsUpper = isUpper(current)
      current = toUpper(current)
    } else {
      if (startsUpper) {
        if (isUpper(current)) current = toLower(current)
        else startsUpper = false
      }
      out += before
    }
  }
  return out + current
}

type Kind = 'number' | 'upper' | 'letter' | 'connector' | 'punctuation' | 'other'
interface Word {
  readonly kind: Kind
  readonly text: string
}
const isLetter = (char: string): boolean => !isUpper(char) && isAlphabet(char)
const isAlphabet = (char: string): boolean => /^\p{L}/u.test(char)

/** Splits into runs of one kind of character; the `S` of `HTTPStatus` starts the second run. */
function splitWords(text: string): Word[] {
  const chars = [...text]
  const out: Word[] = []
  let i = 0
  const run = (belongs: (char: string) => boolean, from: number): number => {
    let end = from
    while (end < chars.length && belongs(chars[end] as string)) end++
    return end
  }
  while (i < chars.length) {
    const char = chars[i] as string
    const start = i
    let kind: Kind
    if (isConnector(char)) {
      kind = 'connector'
      i = run(isConnector, i)
    } else if (isPunctuation(char)) {
      kind = 'punctuation'
      i = run(isPunctuation, i)
    } else if (isUpper(char)) {
      kind = 'upper'
      const next = chars[i + 1]
      if (next !== undefined && isUpper(next)) {
        i = run(isUpper, i)
        if (i < chars.length && isAlphabet(chars[i] as string)) i--
      } else i = run(isLetter, i + 1)
    } else if (isAlphabet(char)) {
      kind = 'letter'
      i = run(isLetter, i)
    } else if (isNumber(char)) {
      kind = 'number'
      i = run(isNumber, i)
    } else {
      kind = 'other'
      i = run(c => !isConnector(c) && !isAlphabet(c) && !isNumber(c) && !isPunctuation(c), i)
    }
    out.push({ kind, text: chars.slice(start, i).join('') })
  }
  return out
}

/** xstrings' ToSnakeCase (`_`) and ToKebabCase (`-`): `HTTPServer2xx` becomes `http_server_2xx`. */
export function delimitedCase(text: string, connector: '_' | '-'): string {
  const list = splitWords(text)
  let i = 0
  let out = ''
  const kind = (): Kind | undefined => list[i]?.kind
  const write = (word: Word | undefined): void => {
    if (word === undefined) return
    if (word.kind === 'connector') out += connector.repeat([...word.text].length)
    else out += word.kind === 'upper' ? toLower(word.text) : word.text
  }
  const lettersAndNumbers = (): void => {
    while (kind() === 'letter' || kind() === 'number') write(list[i++])
  }
  const separate = (...but: (Kind | undefined)[]): void => {
    if (!but.includes(kind())) out += connector
  }
  while (i < list.length - 1) {
    const word = list[i] as Word
    if (word.kind !== 'connector') write(word)
    i++
    switch (word.kind) {
      case 'number':
        lettersAndNumbers()
        separate(undefined, 'punctuation', 'connector')
        break
      case 'connector':
        write(word)
        break
      case 'punctuation':
        break
      default: {
        if (kind() !== 'number') {
          separate('connector', 'punctuation')
          break
        }
        if (i === list.length - 1) break
        const number = list[i++]
        if (kind() !== 'letter') {
          write(number)
          separate('connector', 'punctuation')
          break
        }
        out += connector
        write(number)
        lettersAndNumbers()
        separate(undefined, 'connector', 'punctuation')
      }
    }
  }
  write(list[i])
  return out
}
