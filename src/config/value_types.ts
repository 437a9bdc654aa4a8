/** The types of values that a setting can have: how each one is checked, written as text and described. */
import { z } from 'zod'
import { parseYamlBoolean } from '../documents/yaml.ts'
import { DURATION_PATTERN, type Millis, parseDuration } from '../lib/time.ts'

/** How the text of a variable or a flag becomes a value. */
export type TextForm = 'text' | 'integer' | 'number' | 'boolean' | 'list' | 'json'

/** A type of setting whose checked values are `T`. */
export interface ValueType<T> {
  /** Checks a value as a file contains it. An issue with `params.hint` is a message for the operator. */
  readonly schema: z.ZodType<T>
  /** Completes the sentence "must be …". */
  readonly expected: string
  /** Name of the type in the documentation. */
  readonly label: string
  readonly textForm: TextForm
  /** Where `schema` cannot be written as JSON Schema. */
  readonly jsonSchema?: object
}

/** Any text. */
export const text = (): ValueType<string> => ({
  schema: z.string(),
  expected: 'a string',
  label: 'string',
  textForm: 'text',
})

/** One of these words; an empty word is accepted, and not named in messages. */
export function oneOf<const T extends string>(...words: readonly T[]): ValueType<T> {
  const named = words.filter(word => word !== '')
  return {
    schema: z.enum(words) as unknown as z.ZodType<T>,
    expected: `one of ${named.join(', ')}`,
    label: named.map(word => `\`${word}\``).join(', '),
    textForm: 'text',
  }
}

/** An absolute URL, http or https. */
export const httpUrl = (): ValueType<string> => ({
  schema: z.string().refine(isHttpUrl),
  expected: 'an absolute http or https URL',
  label: 'URL',
  textForm: 'text',
  jsonSchema: { type: 'string', pattern: '^https?://' },
})

/** Whether a text is an absolute URL with the scheme http or https. */
export const isHttpUrl = (url: string): boolean => /^https?:$/.test(URL.parse(url)?.protocol ?? '')

/** A whole number, from `min` where one is given. */
export function wholeNumber(min?: number): ValueType<number> {
  const from = min === undefined ? '' : ` from ${min}`
  return {
    schema: min === undefined ? z.int() : z.int().min(min),
    expected: `a whole number${from}`,
    label: `whole number${from}`,
    textForm: 'integer',
  }
}

/** A TCP port; 0 lets the system choose a free one. */
export const port = (): ValueType<number> => ({
  schema: z.int().min(0).max(65_535),
  expected: 'a whole number from 0 to 65535',
  label: 'port',
  textForm: 'integer',
})

/** A number from 0 to 1. */
export const ratio = (): ValueType<number> => ({
  schema: z.number().min(0).max(1),
  expected: 'a number from 0 to 1',
  label: 'number from 0 to 1',
  textForm: 'number',
})

/** True or false, or one of YAML 1.1's words for them (Q-16). */
export const flag = (): ValueType<boolean> => ({
  schema: z.preprocess(parseYamlBoolean, z.boolean()),
  expected: 'true or false',
  label: 'true or false',
  textForm: 'boolean',
  jsonSchema: { type: 'boolean' },
})

/** A whole number and one unit, such as `500ms`; the value is in milliseconds. */
export const duration = (): ValueType<Millis> => ({
  schema: z.string().transform((written, context) => {
    const parsed = parseDuration(written)
    if (parsed !== undefined) return parsed
    context.addIssue({ code: 'custom' })
    return z.NEVER
  }),
  expected: 'a duration such as 500ms, 10s or 1m',
  label: 'duration',
  textForm: 'text',
  jsonSchema: { type: 'string', pattern: DURATION_PATTERN.source },
})

/** A list of strings. */
export const list = (): ValueType<readonly string[]> => ({
  schema: z.array(z.string()),
  expected: 'a list of strings',
  label: 'list of strings',
  textForm: 'list',
})

/** A list of strings without duplicates. */
export const uniqueList = (): ValueType<readonly string[]> => ({
  schema: z.array(z.string()).refine(isUnique),
  expected: 'a list of strings, none of them twice',
  label: 'list of strings, none twice',
  textForm: 'list',
  jsonSchema: { type: 'array', items: { type: 'string' }, uniqueItems: true },
})

/** A list without duplicates, of these words only; `label` names the words. */
export const uniqueListOf = (words: readonly string[], label: string): ValueType<readonly string[]> => ({
  schema: z.array(z.enum(words)).refine(isUnique),
  expected: `a list of ${words.join(', ')}, none of them twice`,
  label: `list of ${label}, none twice`,
  textForm: 'list',
  jsonSchema: { type: 'array', items: { enum: words }, uniqueItems: true },
})

const isUnique = (items: readonly string[]): boolean => new Set(items).size === items.length

/** The same type with one more condition, and a message for the operator where it does not hold. */
export const constrained = <T>(
  type: ValueType<T>,
  holds: (value: T) => boolean,
  message: string,
  hint: string,
): ValueType<T> => ({
  ...type,
  schema: type.schema.refine(holds, { error: message, params: { hint } }),
  jsonSchema: jsonSchemaOf(type),
})

/** JSON Schema (2020-12) of a value as a file contains it. */
export function jsonSchemaOf({ schema, jsonSchema }: ValueType<unknown>): object {
  if (jsonSchema !== undefined) return jsonSchema
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    override({ jsonSchema: member }) {
      // zod adds the range of safe integers, which says nothing to the reader of a configuration.
      if (member.minimum === Number.MIN_SAFE_INTEGER) delete member.minimum
      if (member.maximum === Number.MAX_SAFE_INTEGER) delete member.maximum
    },
  })
  return rest
}

/** `undefined` where the text of a variable or flag does not have this form. */
export function parseText(written: string, form: TextForm): unknown {
  switch (form) {
    case 'integer':
      return /^-?\d+$/.test(written) ? Number(written) : undefined
    case 'number':
      return written.trim() !== '' && Number.isFinite(Number(written)) ? Number(written) : undefined
    case 'boolean':
      if (/^(true|t|yes|on|1)$/i.test(written)) return true
      return /^(false|f|no|off|0)$/i.test(written) ? false : undefined
    case 'list': {
      const items = written.trimStart().startsWith('[')
        ? parseJsonOrUndefined(written)
        : parseCsvLine(written)
      return Array.isArray(items) ? items : undefined
    }
    case 'json': {
      const value = parseJsonOrUndefined(written)
      return typeof value === 'object' && value !== null ? value : undefined
    }
    case 'text':
      return written
  }
}

/** A comma with an even number of quotes behind it. */
const SEPARATOR = /,(?=(?:[^"]*"[^"]*")*[^"]*$)/

/** One line of comma separated values (RFC 4180), which is how Oathkeeper reads lists. */
const parseCsvLine = (line: string): readonly string[] =>
  line
    .replace(/\r?\n$/, '')
    .split(SEPARATOR)
    .map(item => (/^".*"$/s.test(item) ? item.slice(1, -1).replaceAll('""', '"') : item))

function parseJsonOrUndefined(written: string): unknown {
  try {
    return JSON.parse(written)
  } catch {
    return undefined
  }
}
