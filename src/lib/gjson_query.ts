/** lib/gjson_query — the condition of a gjson query, `#(age>40)`, as a function. Knows one element at a time. */
import { type Found, type JsonValue, type Step, wildcardOf } from './gjson_value.ts'

const OPERATORS = ['==', '!=', '<=', '>=', '!%', '<', '>', '%', '='] as const
type Operator = (typeof OPERATORS)[number]

/** A path alone asks whether it is there; without a path the element itself is compared. */
export function compileQuery(
  text: string,
  compilePath: (path: string) => Step,
): (element: JsonValue) => boolean {
  const { path, operator, operand } = cutQuery(text.trim())
  const find = path === '' ? scalar : compilePath(path)
  const fits = compileCondition(operator, operand)
  return element => {
    if (path !== '' && (typeof element !== 'object' || element === null)) return false
    return fits(find(element))
  }
}

const scalar = (element: JsonValue): Found =>
  typeof element === 'object' && element !== null ? undefined : element

function compileCondition(operator: Operator | undefined, operand: string): (value: Found) => boolean {
  const loose = operand.startsWith('~') ? LOOSE.get(operand.slice(1)) : undefined
  if (loose !== undefined) {
    const fits = compare(operator ?? '==', 'true')
    return value => fits(loose(value))
  }
  if (operator === undefined) return value => value !== undefined
  const fits = compare(operator, unquoted(operand))
  return value => value !== undefined && fits(value)
}

/** `==~true` and its like ask what a value amounts to; a value that is missing amounts to null and to false. */
const LOOSE: ReadonlyMap<string, (value: Found) => boolean> = new Map([
  ['*', value => value !== undefined],
  ['null', value => value === undefined || value === null],
  ['true', value => amountsTo(value) === true],
  ['false', value => amountsTo(value) === false],
])

function amountsTo(value: Found): boolean | undefined {
  if (value === undefined || value === null) return false
  if (typeof value === 'string') {
    return /^(1|t|true)$/i.test(value) ? true : /^(0|f|false)$/i.test(value) ? false : undefined
  }
  if (typeof value === 'number') return value !== 0
  return typeof value === 'boolean' ? value : undefined
}

function cutQuery(text: string): { path: string; operator: Operator | undefined; operand: string } {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '(' || text[i] === '[') depth++
    else if (text[i] === ')' || text[i] === ']') depth--
    else if (depth === 0) {
      const operator = OPERATORS.find(one => text.startsWith(one, i))
      if (operator !== undefined) {
        return { path: text.slice(0, i).trim(), operator, operand: text.slice(i + operator.length).trim() }
      }
    }
  }
  return { path: text, operator: undefined, operand: '' }
}

function unquoted(text: string): string {
  if (!text.startsWith('"')) return text
  try {
    return JSON.parse(text) as string
  } catch {
    return text.replace(/^"|"$/g, '')
  }
}

/** The value's type decides how the operand is read; null, lists and objects fit nothing. `%` compares with wildcards. */
function compare(operator: Operator, operand: string): (value: JsonValue) => boolean {
  const number = Number.isFinite(Number(operand)) ? Number(operand) : 0
  const wildcard = wildcardOf(operand)
  const like = (text: string) => (wildcard === undefined ? text === operand : wildcard.test(text))
  return value => {
    if (typeof value === 'string') {
      if (operator === '%' || operator === '!%') return like(value) === (operator === '%')
      return ordered(operator, value, operand)
    }
    if (typeof value === 'number') return ordered(operator, value, number)
    return typeof value === 'boolean' && orderedBoolean(operator, value, operand)
  }
}

function ordered<T extends string | number>(operator: Operator, a: T, b: T): boolean {
  switch (operator) {
    case '=':
    case '==':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
    default:
      return false
  }
}

/** false stands below true; any other operand equals neither. */
function orderedBoolean(operator: Operator, value: boolean, operand: string): boolean {
  if (operator === '=' || operator === '==') return operand === String(value)
  if (operator === '!=') return operand !== String(value)
  if (operator === '>=' || operator === '<=') return value === (operator === '>=')
  if (operator === '>' || operator === '<') return value === (operator === '>') && operand === String(!value)
  return false
}
