/** lib/must_be — what a value is and what it should be, in the words of people who write YAML. Never shows the value. */

const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a map'],
  ['record', 'a map'],
])

/** `expected` is the name of a type as zod calls it. The hint is empty where there is nothing to add. */
export function typeMismatch(
  expected: string,
  value: unknown,
): { readonly message: string; readonly hint: string } {
  const expectedName = TYPE_NAMES.get(expected) ?? expected
  if (value === undefined) {
    return {
      message: `is missing; it must be ${expectedName}`,
      hint: 'set it here, or for all rules in the configuration',
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
  return TYPE_NAMES.get(typeof value) ?? 'something else'
}
