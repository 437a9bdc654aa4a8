/** Signatures of functions, and the checks that Go makes when a template calls one. */
import { GoError } from '../../golang/index.ts'
import {
  GoInt,
  GoMap,
  GoStruct,
  type GoValue,
  INT,
  INT64,
  isMap,
  nilMap,
  type ParameterList,
  type ParameterType,
  type ParameterTypes,
  type Signature,
  typeName,
} from './value.ts'

type Arguments<P extends ParameterList> = P extends readonly [infer Head, ...infer Tail extends ParameterList]
  ? Head extends `...${infer R extends ParameterType}`
    ? ParameterTypes[R][]
    : Head extends ParameterType
      ? [ParameterTypes[Head], ...Arguments<Tail>]
      : []
  : []

export interface GoFunction {
  readonly signature: Signature
  readonly run: (...args: never[]) => GoValue
}
export type FunctionTable = Readonly<Record<string, GoFunction>>

export function signature(parameters: ParameterList): Signature {
  const last = parameters.at(-1)
  const variadic = last?.startsWith('...') === true
  return {
    fixed: (variadic ? parameters.slice(0, -1) : parameters) as ParameterType[],
    rest: variadic ? (last.slice(3) as ParameterType) : undefined,
  }
}

/** Declares a function for templates; the last parameter type may be variadic (`...type`). */
export const goFunc = <const P extends ParameterList>(
  parameters: P,
  run: (...args: Arguments<P>) => GoValue,
): GoFunction => ({ signature: signature(parameters), run: run as (...args: never[]) => GoValue })

/** Go's message for a wrong number of arguments; empty if the number is right. */
export function arityError({ fixed, rest }: Signature, name: string, count: number): string {
  if (rest === undefined && count !== fixed.length) {
    return `wrong number of args for ${name}: want ${fixed.length} got ${count}`
  }
  if (count < fixed.length) {
    return `wrong number of args for ${name}: want at least ${fixed.length} got ${count}`
  }
  return ''
}

export const parameterTypeAt = ({ fixed, rest }: Signature, index: number): ParameterType =>
  fixed[index] ?? rest ?? 'any'

const TYPE_NAMES: Readonly<Record<ParameterType, string>> = {
  any: 'interface {}',
  string: 'string',
  bool: 'bool',
  int: 'int',
  int64: 'int64',
  float64: 'float64',
  map: 'map[string]interface {}',
  time: 'time.Time',
  duration: 'time.Duration',
}

/** Converts a value to the JavaScript type of a parameter. Throws a `GoError` for another type: Go does not convert. */
export function convertArgument(parameter: ParameterType, value: GoValue): unknown {
  switch (parameter) {
    case 'any':
      return value ?? null
    case 'string':
      if (typeof value === 'string') return value
      break
    case 'bool':
      if (typeof value === 'boolean') return value
      break
    case 'float64':
      if (typeof value === 'number') return value
      break
    case 'int':
      if (value instanceof GoInt && value.type === INT) return Number(value.n)
      break
    case 'int64':
      if (value instanceof GoInt && value.type === INT64) return value.n
      break
    case 'duration':
      if (value instanceof GoInt && value.type.name === TYPE_NAMES.duration) return value.n
      break
    case 'map':
      if (value === undefined) return nilMap()
      if (isMap(value) && (!(value instanceof GoMap) || value.type.name === TYPE_NAMES.map)) return value
      break
    case 'time':
      if (value instanceof GoStruct && value.type.name === 'time.Time') return value
      break
  }
  const expected = TYPE_NAMES[parameter]
  if (value === undefined) throw new GoError(`invalid value; expected ${expected}`)
  const actual = value === null ? 'interface {}' : typeName(value)
  throw new GoError(`wrong type for value; expected ${expected}; got ${actual}`)
}
