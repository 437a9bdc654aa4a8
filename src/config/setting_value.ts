/** config/setting_value — a setting as written to the form in which it is used. Knows types, no setting by name. */
import { parseDuration } from '../lib/duration.ts'
import { booleanWord } from '../lib/yaml.ts'
import { METHODS, type SettingType } from './settings.ts'

/** The value in the form in which it is used; `undefined` when it is not of the type. */
export function readSetting(raw: unknown, type: SettingType): unknown {
  if (typeof type === 'object') return typeof raw === 'string' && type.oneOf.includes(raw) ? raw : undefined
  switch (type) {
    case 'string':
      return typeof raw === 'string' ? raw : undefined
    case 'integer':
      return wholeFrom(Number.NEGATIVE_INFINITY, raw)
    case 'count':
      return wholeFrom(1, raw)
    case 'port':
      return wholeFrom(0, raw, 65_535)
    case 'share':
      return typeof raw === 'number' && raw >= 0 && raw <= 1 ? raw : undefined
    case 'boolean': {
      const word = booleanWord(raw)
      return typeof word === 'boolean' ? word : undefined
    }
    case 'duration':
      return typeof raw === 'string' ? parseDuration(raw) : undefined
    case 'strings':
      return isTexts(raw) ? raw : undefined
    case 'set':
      return isTexts(raw) && new Set(raw).size === raw.length ? raw : undefined
    case 'methods':
      return isTexts(raw) && new Set(raw).size === raw.length && raw.every(one => METHODS.includes(one))
        ? raw
        : undefined
    case 'url':
      return typeof raw === 'string' && /^https?:$/.test(URL.parse(raw)?.protocol ?? '') ? raw : undefined
  }
}

const isTexts = (raw: unknown): raw is readonly string[] =>
  Array.isArray(raw) && raw.every(item => typeof item === 'string')

const wholeFrom = (least: number, raw: unknown, most = Number.MAX_SAFE_INTEGER): number | undefined =>
  typeof raw === 'number' && Number.isInteger(raw) && raw >= least && raw <= most ? raw : undefined
