/** Evaluates fields, map keys and methods of a value. */
import { assertTextLength, consumeSteps, GoError } from '../../golang/index.ts'
import { mutableCopy } from './json.ts'
import { arityError } from './signature.ts'
import {
  GoInt,
  GoMap,
  type GoMethods,
  GoStruct,
  type GoValue,
  isSlice,
  missingFieldError,
  type Signature,
  typeName,
} from './value.ts'

interface UntypedMethod {
  readonly signature: Signature
  run?(self: unknown, args: readonly unknown[]): GoValue
}

/** The method of a value; `undefined` if its type has none of that name. */
export function findMethod(value: GoValue, name: string): UntypedMethod | undefined {
  if (value instanceof GoStruct) return value.type.methods.get(name)
  if (value instanceof GoMap) return value.type.methods.get(name) as UntypedMethod | undefined
  if (value instanceof GoInt) return (value.type.methods as GoMethods<unknown> | undefined)?.get(name)
  return undefined
}

/** Calls a method with converted arguments. Throws a `GoError` if Go's method has no result. */
export function invokeMethod(
  value: GoValue,
  method: UntypedMethod,
  name: string,
  args: readonly unknown[],
): GoValue {
  if (method.run === undefined) throw new GoError(`${name} has no result, so a template cannot call it`)
  consumeSteps(1)
  const self = value instanceof GoStruct ? value.self : value instanceof GoInt ? value.n : value
  const result = method.run(self, args)
  if (typeof result === 'string') assertTextLength(result.length)
  return result
}

/**
 * Evaluates `value.name`: a method without arguments, a field of a struct, or a key of a map. `copies` is given if the
 * template may change the result.
 */
export function evaluateMember(
  value: GoValue,
  name: string,
  copies: Map<object, GoValue> | undefined,
): GoValue {
  if (value === undefined) return undefined
  if (value === null || typeof value !== 'object') throw missingFieldError(value, name)
  if (value instanceof GoStruct) {
    const method = value.type.methods.get(name)
    if (method !== undefined) return invokeWithoutArguments(value, method, name)
    const field = value.type.fields.get(name)
    if (field === undefined) throw missingFieldError(value, name)
    if (value.nil) throw new GoError(`nil pointer evaluating ${typeName(value)}.${name}`)
    const result = field.get(value.self as never)
    return copies === undefined ? result : mutableCopy(result, copies)
  }
  if (value instanceof GoMap) {
    const method = value.type.methods.get(name)
    if (method !== undefined) return invokeWithoutArguments(value, method, name)
    return value.entries.get(name) ?? value.type.zero
  }
  if (value instanceof GoInt) {
    const method = findMethod(value, name)
    if (method !== undefined) return invokeWithoutArguments(value, method, name)
    throw missingFieldError(value, name)
  }
  if (isSlice(value)) throw missingFieldError(value, name)
  return Object.hasOwn(value, name) ? (value[name] ?? null) : null
}

function invokeWithoutArguments(value: GoValue, method: UntypedMethod, name: string): GoValue {
  const error = arityError(method.signature, name, 0)
  if (error !== '') throw new GoError(error)
  return invokeMethod(value, method, name, [])
}
