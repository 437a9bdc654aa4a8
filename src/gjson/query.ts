/** Compiles the condition of a gjson query, such as `#(age>40)`. */

import { parseFloat64 } from '../golang/index.ts'
import type { ListQuery } from './path.ts'
import { compileWildcard, type GjsonResult } from './value.ts'

/** The function returns whether the condition holds for the result of the query's path. */
export function compileCondition({ operator, operand }: ListQuery): (value: GjsonResult) => boolean {
  if (!operand.startsWith('~')) return compileComparison(operator, operand)
  const amounts = LOOSE_CONDITIONS.get(operand.slice(1))
  if (amounts === undefined) return () => false
  const fits = compileComparison(operator, 'true')
  return value => fits(amounts(value))
}

/** Conditions such as `==~true` compare by truthiness; a missing value is both null and false. */
const LOOSE_CONDITIONS: ReadonlyMap<string, (value: GjsonResult) => boolean> = new Map([
  ['*', value => value !== undefined],
  ['null', value => value === undefined || value === null],
  ['true', value => looseBoolean(value) === true],
  ['false', value => looseBoolean(value) === false],
])

function looseBoolean(value: GjsonResult): boolean | undefined {
  if (value === undefined || value === null) return false
  if (typeof value === 'string') {
    return /^(1|t|true)$/i.test(value) ? true : /^(0|f|false)$/i.test(value) ? false : undefined
  }
  if (typeof value === 'number') return value !== 0
  return typeof value === 'boolean' ? value : undefined
}

/** The type of the value decides how the operand is parsed; null, lists and objects never match. `%` compares by wildcards. */
function compileComparison(operator: string, operand: string): (value: GjsonResult) => boolean {
  if (operator === '') return value => value !== undefined
  const number = parseFloat64(operand) ?? 0
  const like = compileWildcard(operand)
  return value => {
    if (typeof value === 'string') {
      if (operator === '%' || operator === '!%') return like(value) === (operator === '%')
      return compareOrdered(operator, value, operand)
    }
    if (typeof value === 'number') return compareOrdered(operator, value, number)
    return typeof value === 'boolean' && compareBoolean(operator, value, operand)
  }
}

function compareOrdered<T extends string | number>(operator: string, a: T, b: T): boolean {
  switch (operator) {
    case '=':
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

/** false is less than true; any other operand equals neither. */
function compareBoolean(operator: string, value: boolean, operand: string): boolean {
  if (operator === '=') return operand === String(value)
  if (operator === '!=') return operand !== String(value)
  if (operator === '>=' || operator === '<=') return value === (operator === '>=')
  if (operator === '>' || operator === '<') return value === (operator === '>') && operand === String(!value)
  return false
}
