/** config/setting_value — a setting as written, in a file or a variable, to the form in which it is used. Knows types, no setting by name. */

import { parseYamlBoolean } from '../documents/yaml.ts'
import { parseDuration } from '../lib/time.ts'
import { CORS_METHODS, type SettingType } from './settings.ts'

/** Types of settings and of handlers' keys. */
export type ValueType = SettingType | 'number' | 'object'

/** The value in the form in which it is used; `undefined` when it is not of the type. */
export function parseValue(raw: unknown, type: SettingType): unknown {
  if (typeof type === 'object') return typeof raw === 'string' && type.oneOf.includes(raw) ? raw : undefined
  switch (type) {
    case 'string':
      return typeof raw === 'string' ? raw : undefined
    case 'integer':
      return integerBetween(Number.NEGATIVE_INFINITY, raw)
    case 'count':
      return integerBetween(1, raw)
    case 'port':
      return integerBetween(0, raw, 65_535)
    case 'share':
      return typeof raw === 'number' && raw >= 0 && raw <= 1 ? raw : undefined
    case 'boolean': {
      const word = parseYamlBoolean(raw)
      return typeof word === 'boolean' ? word : undefined
    }
    case 'duration':
      return typeof raw === 'string' ? parseDuration(raw) : undefined
    case 'strings':
      return isStringList(raw) ? raw : undefined
    case 'set':
      return isStringList(raw) && new Set(raw).size === raw.length ? raw : undefined
    case 'methods':
      return isStringList(raw) &&
        new Set(raw).size === raw.length &&
        raw.every(one => CORS_METHODS.includes(one))
        ? raw
        : undefined
    case 'url':
      return typeof raw === 'string' && /^https?:$/.test(URL.parse(raw)?.protocol ?? '') ? raw : undefined
  }
}

const isStringList = (raw: unknown): raw is readonly string[] =>
  Array.isArray(raw) && raw.every(item => typeof item === 'string')

const integerBetween = (min: number, raw: unknown, max = Number.MAX_SAFE_INTEGER): number | undefined =>
  typeof raw === 'number' && Number.isInteger(raw) && raw >= min && raw <= max ? raw : undefined

/** `undefined` for a text that is not of the type. */
export function parseText(text: string, type: ValueType): unknown {
  switch (type) {
    case 'integer':
    case 'count':
    case 'port':
      return /^-?\d+$/.test(text) ? Number(text) : undefined
    case 'number':
    case 'share':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined
    case 'boolean':
      return /^(true|t|yes|on|1)$/i.test(text) ? true : /^(false|f|no|off|0)$/i.test(text) ? false : undefined
    case 'strings':
    case 'set':
    case 'methods': {
      const list = text.trimStart().startsWith('[') ? parseJsonOrUndefined(text) : parseCsvLine(text)
      return Array.isArray(list) ? list : undefined
    }
    case 'object': {
      const value = parseJsonOrUndefined(text)
      return typeof value === 'object' && value !== null ? value : undefined
    }
    default:
      return text
  }
}

/** With an even number of quotes behind it. */
const COMMA = /,(?=(?:[^"]*"[^"]*")*[^"]*$)/

/** One line of comma separated values (RFC 4180), as Oathkeeper reads lists. */
const parseCsvLine = (text: string): readonly string[] =>
  text
    .replace(/\r?\n$/, '')
    .split(COMMA)
    .map(item => (/^".*"$/s.test(item) ? item.slice(1, -1).replaceAll('""', '"') : item))

function parseJsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function describeType(type: ValueType): string {
  if (typeof type === 'object') return `one of ${type.oneOf.filter(word => word !== '').join(', ')}`
  const words = {
    string: 'a text',
    integer: 'a whole number',
    count: 'a whole number from 1',
    port: 'a whole number from 0 to 65535',
    share: 'a number from 0 to 1',
    number: 'a number',
    boolean: 'true or false',
    duration: 'a duration such as 500ms, 10s or 1m',
    strings: 'a list of texts',
    set: 'a list of texts, none of them twice',
    methods: `a list of ${CORS_METHODS.join(', ')}, none of them twice`,
    url: 'an absolute http or https URL',
    object: 'a JSON object',
  }
  return words[type]
}
