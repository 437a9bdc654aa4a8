/** Finds the keys that a schema allows at a path, for "did you mean" suggestions. */
import { z } from 'zod'

type JsonSchema = z.core.JSONSchema._JSONSchema

/**
 * Returns an empty list if the schema allows no keys at `path`, which leads from the handler's config to an
 * object.
 */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let schemas: JsonSchema[] = [z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })]
  for (const part of path) {
    schemas = schemas.flatMap(alternatives).flatMap(alternative => {
      const inner = typeof part === 'number' ? alternative.items : alternative.properties?.[String(part)]
      return inner === undefined ? [] : [inner].flat()
    })
  }
  return schemas.flatMap(alternatives).flatMap(({ properties }) => Object.keys(properties ?? {}))
}

/** A schema and all its alternatives (`anyOf`, `allOf`), for example of a nullable key. */
function alternatives(schema: JsonSchema): z.core.JSONSchema.JSONSchema[] {
  if (typeof schema === 'boolean') return []
  return [
    schema,
    ...(schema.anyOf ?? []).flatMap(alternatives),
    ...(schema.allOf ?? []).flatMap(alternatives),
  ]
}
