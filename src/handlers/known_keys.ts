/** handlers/known_keys — the keys that a handler's schema knows at a path, for "did you mean". Knows no handler. */
import { z } from 'zod'

type JsonSchema = z.core.JSONSchema._JSONSchema

/** Empty where the schema knows no keys there. `path` leads from the handler's config; its last part may be anything. */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let schemas: JsonSchema[] = [z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })]
  for (const part of path) {
    schemas = schemas.flatMap(alternatives).flatMap(one => {
      const inner = typeof part === 'number' ? one.items : one.properties?.[String(part)]
      return inner === undefined ? [] : [inner].flat()
    })
  }
  return schemas.flatMap(alternatives).flatMap(one => Object.keys(one.properties ?? {}))
}

/** A key that may also be null, or be written in several ways, has several. */
function alternatives(schema: JsonSchema): z.core.JSONSchema.JSONSchema[] {
  if (typeof schema === 'boolean') return []
  return [
    schema,
    ...(schema.anyOf ?? []).flatMap(alternatives),
    ...(schema.allOf ?? []).flatMap(alternatives),
  ]
}
