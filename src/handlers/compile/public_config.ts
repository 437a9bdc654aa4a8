/**
 * Shows the configuration of a handler with the texts that its schema marks as public. Other texts may be secrets,
 * whatever the names of their keys: `headers: { X-Upstream: … }`, a constant in a `payload`.
 */
import { z } from 'zod'
import { publicUrl, REDACTED } from '../../http/public_url.ts'
import type { AnyHandler, HandlerKind } from '../handler.ts'

/** How a text is shown: as it is, or as a URL without user info and query. */
type Shown = { readonly shown: 'text' | 'url' }
const PUBLIC = z.registry<Shown>()

/**
 * A public text: a name, a path, a duration. Not for a value that another service may receive as a credential.
 * Choices and literals are public without a mark.
 */
export function publicString(): z.ZodString {
  const schema = z.string()
  PUBLIC.add(schema, { shown: 'text' })
  return schema
}

/** Marks the texts of a schema as URLs, which are public except for user info and query. */
export const publicUrlOf = <Schema extends z.ZodType>(schema: Schema): Schema => {
  PUBLIC.add(schema, { shown: 'url' })
  return schema
}

/** The parts of a JSON Schema that `show` reads. */
interface Shape extends Partial<Shown> {
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Shape[]
  readonly items?: Shape
  readonly properties?: Readonly<Record<string, Shape>>
  readonly propertyNames?: Shape
  readonly additionalProperties?: Shape | boolean
}

/**
 * Returns a function from the configuration of a handler in a rule to its public view. Of the configuration of an
 * unknown handler, or of one that ignores it, nothing is known to be public, so only the structure is shown.
 */
export function createPublicConfig(
  handlers: readonly AnyHandler[],
): (kind: HandlerKind, id: string, config: unknown) => unknown {
  const shapes = new Map<AnyHandler, readonly Shape[]>()
  return (kind, id, config) => {
    const handler = handlers.find(one => one.kind === kind && one.id === id)
    if (handler === undefined || handler.ignoresConfig) return show(config, [])
    if (!shapes.has(handler)) shapes.set(handler, [shapeOf(handler.schema)])
    return show(config, shapes.get(handler) ?? [])
  }
}

const shapeOf = (schema: z.ZodType): Shape =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', metadata: PUBLIC }) as Shape

/** `shapes` are those that the value may have. */
function show(value: unknown, shapes: readonly Shape[]): unknown {
  const choices = shapes.flatMap(variants)
  if (typeof value === 'string') return showText(value, choices)
  if (Array.isArray(value)) {
    const items = choices.flatMap(({ items: shape }) => shape ?? [])
    return value.map(item => show(item, items))
  }
  if (typeof value !== 'object') return choices.length === 0 ? REDACTED : value
  if (value === null) return null
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const isDeclared = choices.some(({ properties = {} }) => Object.hasOwn(properties, key))
      const names = choices.flatMap(({ propertyNames }) => propertyNames ?? [])
      return [isDeclared ? key : showText(key, names), show(member, memberShapes(key, choices))]
    }),
  )
}

const variants = (shape: Shape): readonly Shape[] =>
  shape.anyOf === undefined ? [shape] : shape.anyOf.flatMap(variants)

function showText(text: string, shapes: readonly Shape[]): string {
  for (const { shown, enum: choices = [], const: literal } of shapes) {
    if (shown === 'text' || literal === text || choices.includes(text)) return text
    if (shown === 'url') return publicUrl(text)
  }
  return REDACTED
}

const memberShapes = (key: string, shapes: readonly Shape[]): readonly Shape[] =>
  shapes.flatMap(({ properties = {}, additionalProperties }) =>
    Object.hasOwn(properties, key)
      ? (properties[key] as Shape)
      : typeof additionalProperties === 'object'
        ? additionalProperties
        : [],
  )
