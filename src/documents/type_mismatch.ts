/** Messages for a value of the wrong type, in the terms of YAML. They never contain the value, which may be a secret. */

const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['string', 'a string'],
  ['number', 'a number'],
  ['int', 'an integer'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a map'],
  ['record', 'a map'],
])

/** `expected` is a type name of zod (`string`, `int`, `record` …). The hint is empty if there is nothing to add. */
export function typeMismatch(
  expected: string,
  value: unknown,
): { readonly message: string; readonly hint: string } {
  const expectedName = TYPE_NAMES.get(expected) ?? expected
  if (value === undefined) {
    return {
      message: `is missing; it must be ${expectedName}`,
      hint: 'set it here, or in the configuration for all rules',
    }
  }
  const scalar = typeof value === 'number' || typeof value === 'boolean'
  return {
    message: `must be ${expectedName}, not ${typeNameOf(value)}`,
    hint: expected === 'string' && scalar ? 'quote it' : '',
  }
}

function typeNameOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'boolean') return 'a boolean'
  return TYPE_NAMES.get(typeof value) ?? 'another type'
}
