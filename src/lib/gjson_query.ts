/** lib/gjson_query — the condition of a gjson query, `#(age>40)`, as a function. Knows one element at a time. */
import { isRecord, type JsonValue, type Step, wildcardOf } from './gjson_value.ts'

const OPERATORS = ['==', '!=', '<=', '>=', '!%', '<', '>', '%', '='] as const
type Operator = (typeof OPERATORS)[number]

/** A path alone asks whether it is there; without a path the element itself is compared. */
export function compileQuery(
  text: string,
  compilePath: (path: string) => Step,
): (element: JsonValue) => boolean {
  const { path, operator, operand } = cutQuery(text.trim())
  const nested = path.startsWith('#')
  const find = path === '' ? (element: JsonValue) => element : compilePath(path)
  if (operator === undefined) return element => find(element) !== undefined && !(nested && !isList(element))
  const fits = compare(operator, readOperand(operand))
  return element => {
    if (path !== '' && !isRecord(element) && !Array.isArray(element)) return false
    const found = find(element)
    return found !== undefined && fits(found)
  }
}

const isList = (value: JsonValue): boolean => Array.isArray(value)

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

function readOperand(text: string): JsonValue {
  if (text.startsWith('"')) {
    try {
      return JSON.parse(text) as JsonValue
    } catch {
      return text.replace(/^"|"$/g, '')
    }
  }
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

/** Values of unlike types never fit; `%` and `!%` compare text with wildcards. */
function compare(operator: Operator, operand: JsonValue): (value: JsonValue) => boolean {
  if (operator === '%' || operator === '!%') {
    const text = String(operand)
    const wildcard = wildcardOf(text)
    const like = (value: string) => (wildcard === undefined ? value === text : wildcard.test(value))
    return value => typeof value === 'string' && like(value) === (operator === '%')
  }
  return value => {
    if (typeof value !== typeof operand || (value === null) !== (operand === null)) return operator === '!='
    switch (operator) {
      case '=':
      case '==':
        return value === operand
      case '!=':
        return value !== operand
      default:
        return ordered(operator, value, operand)
    }
  }
}

function ordered(operator: Operator, a: JsonValue, b: JsonValue): boolean {
  if (a === null || b === null) return false
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  return operator === '>' ? a > b : a >= b
}
