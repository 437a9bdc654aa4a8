/** Decodes one access rule from its document: its fields, and the diagnostics about them. */
import { z } from 'zod'
import type { DocumentPath } from '../documents/diagnostic.ts'
import { kubernetesKind } from '../documents/kubernetes_resource.ts'
import { typeMismatch } from '../documents/type_mismatch.ts'
import { closestMatch } from '../lib/closest_match.ts'

export interface HandlerEntry {
  readonly handler: string
  /** Any JSON value; `undefined` for an absent key and for null. */
  readonly config: unknown
}

export interface MatchSection {
  readonly url: string
  readonly methods: readonly string[] | undefined
  readonly fullMethod: string | undefined
  readonly authority: string | undefined
  readonly allowHttpGet: boolean
}

export interface AccessRule {
  readonly id: string
  readonly version: string
  readonly description: string
  readonly match: MatchSection | undefined
  readonly authenticators: readonly HandlerEntry[]
  /** A rule has exactly one of the two. All of `authorizers` must allow, in order. */
  readonly authorizer: HandlerEntry | undefined
  readonly authorizers: readonly HandlerEntry[] | undefined
  readonly mutators: readonly HandlerEntry[]
  readonly errors: readonly HandlerEntry[] | undefined
  /** Accepted and shown by `/rules`, without effect: Envoy does the proxying. */
  readonly upstream: { readonly url: string; readonly stripPath: string; readonly preserveHost: boolean }
}

const text = z.string().nullish()
const entry = z
  .object({ handler: text, config: z.unknown().optional() })
  .nullish()
  .transform(one =>
    one == null ? undefined : { handler: one.handler ?? '', config: one.config ?? undefined },
  )
const entries = z.array(entry.transform(one => one ?? { handler: '', config: undefined })).nullish()

/** A full semantic version (semver.org), with or without a leading v: numbers without leading zeros, no empty part. */
const SEMVER =
  /^v?(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*)?(?:\+[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*)?$/

const schema = z.object({
  id: text,
  version: text.refine(
    v => v == null || v === '' || SEMVER.test(v),
    'not a semantic version such as v0.40.0',
  ),
  description: text,
  match: z
    .object({
      url: text,
      // Go decodes a null in a list of strings as an empty string.
      methods: z
        .array(
          z
            .string()
            .nullable()
            .transform(one => one ?? ''),
        )
        .nullish(),
      full_method: text,
      authority: text,
      allow_http_get: z.boolean().nullish(),
    })
    .nullish(),
  authenticators: entries,
  authorizer: entry,
  authorizers: entries,
  mutators: entries,
  errors: entries,
  upstream: z.object({ url: text, strip_path: text, preserve_host: z.boolean().nullish() }).nullish(),
})

/** Known fields by their parent. `config` of a handler is not listed: the handler checks it. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  '': [
    'id',
    'version',
    'description',
    'match',
    'authenticators',
    'authorizer',
    'authorizers',
    'mutators',
    'errors',
    'upstream',
    'configMapName',
  ],
  match: ['url', 'methods', 'full_method', 'authority', 'allow_http_get'],
  upstream: ['url', 'strip_path', 'preserve_host'],
  handler: ['handler', 'config'],
}

export interface RuleFault {
  readonly severity: 'error' | 'warning'
  readonly path: DocumentPath
  readonly message: string
  readonly hint: string
}

/**
 * Decodes one rule. `rule` is `undefined` when a field has the wrong type; the whole document is then rejected.
 * Unknown fields are ignored and reported as warnings. Paths are relative to the rule.
 */
export function decodeRule(raw: unknown): {
  readonly rule: AccessRule | undefined
  readonly faults: readonly RuleFault[]
} {
  const faults: RuleFault[] = []
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return {
      rule: undefined,
      faults: [{ severity: 'error', path: [], message: 'a rule must be a map', hint: '' }],
    }
  }
  const kind = kubernetesKind(raw)
  if (kind !== undefined) return { rule: undefined, faults: [resourceFault(kind)] }
  const parsed = schema.safeParse(normalizeFieldNames(raw, [], faults), { reportInput: true })
  if (!parsed.success) {
    return { rule: undefined, faults: [...faults, ...parsed.error.issues.map(schemaFault)] }
  }
  if (faults.some(fault => fault.severity === 'error')) return { rule: undefined, faults }
  const { data } = parsed
  return {
    faults,
    rule: {
      id: data.id ?? '',
      version: data.version ?? '',
      description: data.description ?? '',
      match:
        data.match == null
          ? undefined
          : {
              url: data.match.url ?? '',
              methods: data.match.methods ?? undefined,
              fullMethod: data.match.full_method ?? undefined,
              authority: data.match.authority ?? undefined,
              allowHttpGet: data.match.allow_http_get ?? false,
            },
      authenticators: data.authenticators ?? [],
      authorizer: data.authorizer,
      authorizers: data.authorizers ?? undefined,
      mutators: data.mutators ?? [],
      errors: data.errors ?? undefined,
      upstream: {
        url: data.upstream?.url ?? '',
        stripPath: data.upstream?.strip_path ?? '',
        preserveHost: data.upstream?.preserve_host ?? false,
      },
    },
  }
}

/** One sentence instead of an unknown field for each key. */
function resourceFault(kind: string): RuleFault {
  const rules =
    kind === 'Rule'
      ? 'its `spec` is the rule; Oathkeeper Maester writes the specs of all Rules to access-rules.json'
      : kind === 'ConfigMap'
        ? 'the rules are a text in its `data`'
        : 'name a file of access rules'
  return {
    severity: 'error',
    path: [],
    message: `this is a Kubernetes resource (${kind}), not a rule`,
    hint: rules,
  }
}

function schemaFault(issue: z.core.$ZodIssue): RuleFault {
  const base = { severity: 'error' as const, path: issue.path as DocumentPath }
  if (issue.code !== 'invalid_type') return { ...base, message: issue.message, hint: '' }
  return { ...base, ...typeMismatch(issue.expected, issue.input) }
}

/** Go's JSON decoder matches field names case-insensitively; Oathkeeper's own decoder of `match` does not. */
function normalizeFieldNames(raw: object, path: DocumentPath, faults: RuleFault[]): Record<string, unknown> {
  const parent = fieldListAt(path)
  const known = FIELDS[parent] as readonly string[]
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(raw)) {
    const name = known.find(field => field.toLowerCase() === key.toLowerCase())
    if (name === 'match' && key !== 'match') {
      faults.push({
        severity: 'error',
        path: [...path, key],
        message: `unknown field "${key}"`,
        hint: 'write "match"',
      })
    } else if (name === undefined) {
      const suggestion = closestMatch(key, known)
      const hint = suggestion === undefined ? 'remove it' : `did you mean "${suggestion}"?`
      const message = `unknown field "${key}" is ignored`
      faults.push({ severity: 'warning', path: [...path, key], message, hint })
    } else result[name] = name === 'config' ? value : normalizeValue(value, [...path, name], faults)
  }
  return result
}

function normalizeValue(value: unknown, path: DocumentPath, faults: RuleFault[]): unknown {
  if (Array.isArray(value)) return value.map((item, i) => normalizeValue(item, [...path, i], faults))
  if (typeof value !== 'object' || value === null) return value
  return normalizeFieldNames(value, path, faults)
}

/** Key of `FIELDS` for the map at a path. */
function fieldListAt(path: DocumentPath): string {
  const [first] = path
  if (first === undefined) return ''
  return first === 'match' || first === 'upstream' ? first : 'handler'
}
