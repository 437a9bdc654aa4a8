/** sprig's functions on strings and paths. Long because sprig has so many: each entry is one function. */
import { randomInt } from 'node:crypto'
import {
  assertTextLength,
  base32Decode,
  base32Encode,
  base64Decode,
  consumeSteps,
  decodedOrErrorText,
  fromByteString,
  GoError,
  isSpace,
  quoteString,
  stringToBytes,
  title,
  toByteString,
  toLower,
  toUpper,
  trimSpace,
} from '../../golang/index.ts'
import { sprint } from '../values/format.ts'
import { type FunctionTable, goFunc } from '../values/signature.ts'
import { GoMap, type GoValue, type MapType } from '../values/value.ts'
import { stringSlice } from './cast.ts'
import { camelCase, delimitedCase, swapCase, untitle } from './word_case.ts'

const STRING_MAP: MapType = { name: 'map[string]string', zero: '', methods: new Map() }

/** Applies a function to a string with one code unit per byte. */
const onBytes = (text: string, run: (bytes: string) => string): string =>
  fromByteString(run(toByteString(text)))

function checkedSlice(bytes: string, from: number, to: number): string {
  if (from < 0 || to > bytes.length || from > to) throw new GoError('slice bounds out of range')
  return bytes.slice(from, to)
}

function repeat(text: string, count: number): string {
  if (count < 0) throw new GoError('negative Repeat count')
  assertTextLength(text.length * count)
  return text.repeat(count)
}

function replaceAll(text: string, from: string, to: string): string {
  const count = from === '' ? [...text].length + 1 : text.split(from).length - 1
  assertTextLength(text.length + count * to.length)
  return from === '' ? to + [...text].map(char => char + to).join('') : text.replaceAll(from, () => to)
}

function indent(spaces: number, text: string): string {
  const pad = repeat(' ', spaces)
  return pad + replaceAll(text, '\n', `\n${pad}`)
}

const split = (by: string, text: string): string[] => (by === '' ? [...text] : text.split(by))

function splitN(by: string, count: number, text: string): string[] {
  if (count === 0) return []
  const parts = split(by, text)
  if (count < 0 || parts.length <= count) return parts
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(by)]
}
function numberedMap(parts: readonly string[]): GoMap {
  consumeSteps(parts.length * 4)
  return new GoMap(STRING_MAP, new Map(parts.map((part, i) => [`_${i}`, part])))
}

function trimCharacters(text: string, set: string): string {
  const chars = [...text]
  const inSet = new Set(set)
  let from = 0
  let to = chars.length
  while (from < to && inSet.has(chars[from] as string)) from++
  while (to > from && inSet.has(chars[to - 1] as string)) to--
  return chars.slice(from, to).join('')
}

/** `AbbreviateFull` of goutils; counts bytes. */
function abbreviate(bytes: string, offset: number, width: number): string {
  if (bytes === '' || width < 4) return ''
  if (bytes.length <= width) return bytes
  let from = Math.min(offset, bytes.length)
  if (bytes.length - from < width - 3) from = bytes.length - (width - 3)
  if (from <= 4) return `${bytes.slice(0, width - 3)}...`
  if (width < 7) return ''
  if (from + width - 3 < bytes.length) return `...${abbreviate(bytes.slice(from), 0, width - 3)}`
  return `...${bytes.slice(bytes.length - (width - 3))}`
}

/** `WrapCustom` of goutils; counts bytes. */
function wrap(bytes: string, length: number, lineBreak: string, cutLong: boolean): string {
  const width = Math.max(1, length)
  const br = lineBreak === '' ? '\n' : lineBreak
  assertTextLength(bytes.length + Math.ceil(bytes.length / width) * br.length)
  let at = 0
  let out = ''
  while (bytes.length - at > width) {
    consumeSteps(1)
    if (bytes[at] === ' ') {
      at++
      continue
    }
    // Within the line only: a search back to the start of the text would take quadratic time.
    const blank = at + bytes.slice(at, at + width + 1).lastIndexOf(' ')
    if (blank >= at) {
      out += bytes.slice(at, blank) + br
      at = blank + 1
    } else if (cutLong) {
      out += bytes.slice(at, at + width) + br
      at += width
    } else {
      const next = bytes.indexOf(' ', at + width)
      if (next < 0) {
        out += bytes.slice(at)
        at = bytes.length
      } else {
        out += bytes.slice(at, next) + br
        at = next + 1
      }
    }
  }
  return out + bytes.slice(at)
}

/** goutils takes each byte for a character. */
function initials(text: string): string {
  let gap = true
  let out = ''
  for (const char of toByteString(text)) {
    if (isSpace(char)) gap = true
    else if (gap) {
      out += char
      gap = false
    }
  }
  return out
}

function shuffle(text: string): string {
  const chars = [...text]
  consumeSteps(chars.length)
  for (let i = chars.length - 1; i > 0; i--) {
    const j = randomInt(i + 1)
    ;[chars[i], chars[j]] = [chars[j] as string, chars[i] as string]
  }
  return chars.join('')
}

/** Go's `path.Clean`. */
function clean(path: string): string {
  const rooted = path.startsWith('/')
  const out: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') out.push(part)
    else if (out.length > 0 && out.at(-1) !== '..') out.pop()
    else if (!rooted) out.push('..')
  }
  return (rooted ? '/' : '') + out.join('/') || '.'
}
function base(path: string): string {
  if (path === '') return '.'
  let end = path.length
  while (end > 0 && path[end - 1] === '/') end--
  return path.slice(path.lastIndexOf('/', end - 1) + 1, end) || '/'
}
const extension = (path: string): string => /\.[^./]*$/.exec(path)?.[0] ?? ''
const PATH_FUNCTIONS: FunctionTable = {
  base: goFunc(['string'], base),
  dir: goFunc(['string'], path => clean(path.slice(0, path.lastIndexOf('/') + 1))),
  clean: goFunc(['string'], clean),
  ext: goFunc(['string'], extension),
  isAbs: goFunc(['string'], path => path.startsWith('/')),
}
const osName = (name: string): string => `os${(name[0] as string).toUpperCase()}${name.slice(1)}`

const trimAll = goFunc(['string', 'string'], (set, text) => trimCharacters(text, set))

export const STRING_FUNCTIONS: FunctionTable = {
  hello: goFunc([], () => 'Hello!'),
  toString: goFunc(['any'], sprint),
  upper: goFunc(['string'], toUpper),
  lower: goFunc(['string'], toLower),
  title: goFunc(['string'], title),
  untitle: goFunc(['string'], untitle),
  swapcase: goFunc(['string'], swapCase),
  snakecase: goFunc(['string'], text => delimitedCase(text, '_')),
  kebabcase: goFunc(['string'], text => delimitedCase(text, '-')),
  camelcase: goFunc(['string'], camelCase),
  initials: goFunc(['string'], initials),
  shuffle: goFunc(['string'], shuffle),
  trim: goFunc(['string'], trimSpace),
  trimAll,
  trimall: trimAll,
  trimSuffix: goFunc(['string', 'string'], (end, text) =>
    end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text,
  ),
  trimPrefix: goFunc(['string', 'string'], (start, text) =>
    text.startsWith(start) ? text.slice(start.length) : text,
  ),
  nospace: goFunc(['string'], text => [...text].filter(char => !isSpace(char)).join('')),
  trunc: goFunc(['int', 'string'], (count, text) =>
    onBytes(text, bytes => {
      if (count < 0) return bytes.length + count > 0 ? bytes.slice(bytes.length + count) : bytes
      return bytes.slice(0, count)
    }),
  ),
  substr: goFunc(['int', 'int', 'string'], (start, end, text) =>
    onBytes(text, bytes => {
      if (start < 0) return checkedSlice(bytes, 0, end)
      return checkedSlice(bytes, start, end < 0 || end > bytes.length ? bytes.length : end)
    }),
  ),
  abbrev: goFunc(['int', 'string'], (width, text) =>
    width < 4 ? text : onBytes(text, bytes => abbreviate(bytes, 0, width)),
  ),
  abbrevboth: goFunc(['int', 'int', 'string'], (left, right, text) =>
    right < 4 || (left > 0 && right < 7) ? text : onBytes(text, bytes => abbreviate(bytes, left, right)),
  ),
  wrap: goFunc(['int', 'string'], (length, text) => onBytes(text, bytes => wrap(bytes, length, '', false))),
  wrapWith: goFunc(['int', 'string', 'string'], (length, by, text) =>
    onBytes(text, bytes => wrap(bytes, length, toByteString(by), true)),
  ),
  repeat: goFunc(['int', 'string'], (count, text) => repeat(text, count)),
  indent: goFunc(['int', 'string'], indent),
  nindent: goFunc(['int', 'string'], (spaces, text) => `\n${indent(spaces, text)}`),
  replace: goFunc(['string', 'string', 'string'], (from, to, text) => replaceAll(text, from, to)),
  contains: goFunc(['string', 'string'], (part, text) => text.includes(part)),
  hasPrefix: goFunc(['string', 'string'], (part, text) => text.startsWith(part)),
  hasSuffix: goFunc(['string', 'string'], (part, text) => text.endsWith(part)),
  quote: goFunc(['...any'], (...values) =>
    notNil(values)
      .map(value => quoteString(sprint(value)))
      .join(' '),
  ),
  squote: goFunc(['...any'], (...values) =>
    notNil(values)
      .map(value => `'${sprint(value)}'`)
      .join(' '),
  ),
  cat: goFunc(['...any'], (...values) => notNil(values).map(sprint).join(' ')),
  plural: goFunc(['string', 'string', 'int'], (one, many, count) => (count === 1 ? one : many)),
  split: goFunc(['string', 'string'], (by, text) => numberedMap(split(by, text))),
  splitList: goFunc(['string', 'string'], (by, text) => stringSlice(split(by, text))),
  splitn: goFunc(['string', 'int', 'string'], (by, count, text) => numberedMap(splitN(by, count, text))),
  b64enc: goFunc(['string'], text => stringToBytes(text).toString('base64')),
  b64dec: goFunc(['string'], text => decodedOrErrorText(base64Decode(text))),
  b32enc: goFunc(['string'], text => base32Encode(stringToBytes(text))),
  b32dec: goFunc(['string'], text => decodedOrErrorText(base32Decode(text))),
  ...PATH_FUNCTIONS,
  ...Object.fromEntries(Object.entries(PATH_FUNCTIONS).map(([name, run]) => [osName(name), run])),
}

const notNil = (values: readonly GoValue[]): readonly GoValue[] => values.filter(value => value != null)
