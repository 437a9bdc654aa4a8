/** lib/template_sprig_strings — sprig's functions on texts and paths. Knows nothing of access control. */
import { randomInt } from 'node:crypto'
import {
  base32Decode,
  base32Encode,
  base64Decode,
  boundText,
  bytesOf,
  camelCase,
  decodedText,
  Fault,
  fromByteString,
  joinedCase,
  lower,
  quote,
  SPACE,
  spend,
  swapCase,
  title,
  toByteString,
  trimSpace,
  untitle,
  upper,
} from '../../golang/index.ts'
import { sprint } from '../values/format.ts'
import { type FunctionTable, fn } from '../values/signature.ts'
import { GoMap, type MapType, type Value } from '../values/value.ts'
import { strings } from './cast.ts'

const STRING_MAP: MapType = { name: 'map[string]string', zero: '', methods: new Map() }

/** Runs a function on bytes: one unit a byte. */
const byBytes = (text: string, run: (bytes: string) => string): string =>
  fromByteString(run(toByteString(text)))

function sub(bytes: string, from: number, to: number): string {
  if (from < 0 || to > bytes.length || from > to) throw new Fault('slice bounds out of range')
  return bytes.slice(from, to)
}

function repeat(text: string, count: number): string {
  if (count < 0) throw new Fault('negative Repeat count')
  boundText(text.length * count)
  return text.repeat(count)
}

function replaceAll(text: string, from: string, to: string): string {
  const count = from === '' ? [...text].length + 1 : text.split(from).length - 1
  boundText(text.length + count * to.length)
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
const numbered = (parts: readonly string[]): GoMap =>
  new GoMap(STRING_MAP, new Map(parts.map((part, i) => [`_${i}`, part])))

function trimSet(text: string, set: string): string {
  const chars = [...text]
  const inSet = new Set(set)
  let from = 0
  let to = chars.length
  while (from < to && inSet.has(chars[from] as string)) from++
  while (to > from && inSet.has(chars[to - 1] as string)) to--
  return chars.slice(from, to).join('')
}

/** goutils' AbbreviateFull, on bytes. */
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

/** goutils' WrapCustom, on bytes. */
function wrap(bytes: string, length: number, lineBreak: string, cutLong: boolean): string {
  const width = Math.max(1, length)
  const br = lineBreak === '' ? '\n' : lineBreak
  boundText(bytes.length + Math.ceil(bytes.length / width) * br.length)
  let at = 0
  let out = ''
  while (bytes.length - at > width) {
    spend(1)
    if (bytes[at] === ' ') {
      at++
      continue
    }
    const blank = bytes.lastIndexOf(' ', at + width)
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

/** Go reads the bytes of a text as characters here. */
function initials(text: string): string {
  let gap = true
  let out = ''
  for (const char of toByteString(text)) {
    if (SPACE.test(char)) gap = true
    else if (gap) {
      out += char
      gap = false
    }
  }
  return out
}

function shuffle(text: string): string {
  const chars = [...text]
  spend(chars.length)
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
const PATHS: FunctionTable = {
  base: fn(['string'], base),
  dir: fn(['string'], path => clean(path.slice(0, path.lastIndexOf('/') + 1))),
  clean: fn(['string'], clean),
  ext: fn(['string'], extension),
  isAbs: fn(['string'], path => path.startsWith('/')),
}
const osName = (name: string): string => `os${(name[0] as string).toUpperCase()}${name.slice(1)}`

const trimAll = fn(['string', 'string'], (set, text) => trimSet(text, set))

export const STRINGS: FunctionTable = {
  hello: fn([], () => 'Hello!'),
  toString: fn(['any'], sprint),
  upper: fn(['string'], upper),
  lower: fn(['string'], lower),
  title: fn(['string'], title),
  untitle: fn(['string'], untitle),
  swapcase: fn(['string'], swapCase),
  snakecase: fn(['string'], text => joinedCase(text, '_')),
  kebabcase: fn(['string'], text => joinedCase(text, '-')),
  camelcase: fn(['string'], camelCase),
  initials: fn(['string'], initials),
  shuffle: fn(['string'], shuffle),
  trim: fn(['string'], trimSpace),
  trimAll,
  trimall: trimAll,
  trimSuffix: fn(['string', 'string'], (end, text) =>
    end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text,
  ),
  trimPrefix: fn(['string', 'string'], (start, text) =>
    text.startsWith(start) ? text.slice(start.length) : text,
  ),
  nospace: fn(['string'], text => [...text].filter(char => !SPACE.test(char)).join('')),
  trunc: fn(['int', 'string'], (count, text) =>
    byBytes(text, bytes => {
      if (count < 0) return bytes.length + count > 0 ? bytes.slice(bytes.length + count) : bytes
      return bytes.slice(0, count)
    }),
  ),
  substr: fn(['int', 'int', 'string'], (start, end, text) =>
    byBytes(text, bytes => {
      if (start < 0) return sub(bytes, 0, end)
      return sub(bytes, start, end < 0 || end > bytes.length ? bytes.length : end)
    }),
  ),
  abbrev: fn(['int', 'string'], (width, text) =>
    width < 4 ? text : byBytes(text, bytes => abbreviate(bytes, 0, width)),
  ),
  abbrevboth: fn(['int', 'int', 'string'], (left, right, text) =>
    right < 4 || (left > 0 && right < 7) ? text : byBytes(text, bytes => abbreviate(bytes, left, right)),
  ),
  wrap: fn(['int', 'string'], (length, text) => byBytes(text, bytes => wrap(bytes, length, '', false))),
  wrapWith: fn(['int', 'string', 'string'], (length, by, text) =>
    byBytes(text, bytes => wrap(bytes, length, toByteString(by), true)),
  ),
  repeat: fn(['int', 'string'], (count, text) => repeat(text, count)),
  indent: fn(['int', 'string'], indent),
  nindent: fn(['int', 'string'], (spaces, text) => `\n${indent(spaces, text)}`),
  replace: fn(['string', 'string', 'string'], (from, to, text) => replaceAll(text, from, to)),
  contains: fn(['string', 'string'], (part, text) => text.includes(part)),
  hasPrefix: fn(['string', 'string'], (part, text) => text.startsWith(part)),
  hasSuffix: fn(['string', 'string'], (part, text) => text.endsWith(part)),
  quote: fn(['...any'], (...values) =>
    notNil(values)
      .map(value => quote(sprint(value)))
      .join(' '),
  ),
  squote: fn(['...any'], (...values) =>
    notNil(values)
      .map(value => `'${sprint(value)}'`)
      .join(' '),
  ),
  cat: fn(['...any'], (...values) => notNil(values).map(sprint).join(' ')),
  plural: fn(['string', 'string', 'int'], (one, many, count) => (count === 1 ? one : many)),
  split: fn(['string', 'string'], (by, text) => numbered(split(by, text))),
  splitList: fn(['string', 'string'], (by, text) => strings(split(by, text))),
  splitn: fn(['string', 'int', 'string'], (by, count, text) => numbered(splitN(by, count, text))),
  b64enc: fn(['string'], text => bytesOf(text).toString('base64')),
  b64dec: fn(['string'], text => decodedText(base64Decode(text))),
  b32enc: fn(['string'], text => base32Encode(bytesOf(text))),
  b32dec: fn(['string'], text => decodedText(base32Decode(text))),
  ...PATHS,
  ...Object.fromEntries(Object.entries(PATHS).map(([name, run]) => [osName(name), run])),
}

const notNil = (values: readonly Value[]): readonly Value[] => values.filter(value => value != null)
