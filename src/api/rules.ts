/** api/rules — the rules in force, as Oathkeeper lists them, and our own status. Shows no secret of a handler's config. */
import type { Issue } from '../documents/issue.ts'
import { json, jsonError, type Reply } from './reply.ts'
import type { Route } from './server.ts'

interface Entry {
  readonly handler: string
  readonly config: unknown
}

/** A rule as written, as far as it is shown. */
export interface ShownRule {
  readonly id: string
  readonly version: string
  readonly description: string
  readonly match:
    | {
        readonly url: string
        readonly methods: readonly string[] | undefined
        readonly fullMethod: string | undefined
        readonly authority: string | undefined
        readonly allowHttpGet: boolean
      }
    | undefined
  readonly authenticators: readonly Entry[]
  readonly authorizer: Entry | undefined
  readonly authorizers: readonly Entry[] | undefined
  readonly mutators: readonly Entry[]
  readonly errors: readonly Entry[] | undefined
  readonly upstream: { readonly url: string; readonly stripPath: string; readonly preserveHost: boolean }
}

export interface Status {
  readonly revision: string
  readonly rules: number
  /** Rule repositories and how each is doing. */
  readonly sources: readonly object[]
  readonly issues: readonly Issue[]
}

export interface RulesParts {
  readonly listed: () => readonly ShownRule[]
  readonly status: () => Status
}

const PAGE = 50
const LARGEST_PAGE = 500

export function rulesRoutes({ listed, status }: RulesParts): Route {
  return ({ method, path, query }) => {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    if (path === '/status') return json(200, status())
    if (path === '/rules') return page(listed(), query)
    const id = path.startsWith('/rules/') ? decodeId(path.slice('/rules/'.length)) : undefined
    if (id === undefined || id === '') return undefined
    const rule = listed().find(one => one.id === id)
    return rule === undefined
      ? jsonError(404, 'The requested resource could not be found')
      : json(200, shown(rule))
  }
}

/** `limit` 0 or less is an empty page; what is no number is the default (spec 9.1). */
function page(rules: readonly ShownRule[], query: URLSearchParams): Reply {
  const limit = Math.min(numberOf(query.get('limit')) ?? PAGE, LARGEST_PAGE)
  const offset = Math.max(numberOf(query.get('offset')) ?? 0, 0)
  return json(200, limit <= 0 ? [] : rules.slice(offset, offset + limit).map(shown))
}

const numberOf = (text: string | null): number | undefined =>
  text !== null && /^-?\d+$/.test(text) ? Number(text) : undefined

function decodeId(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function shown(rule: ShownRule): object {
  const { match } = rule
  return {
    id: rule.id,
    version: rule.version,
    description: rule.description,
    match:
      match === undefined
        ? null
        : match.fullMethod !== undefined
          ? {
              authority: match.authority ?? '',
              full_method: match.fullMethod,
              allow_http_get: match.allowHttpGet,
            }
          : { methods: match.methods ?? null, url: match.url },
    authenticators: rule.authenticators.map(shownEntry),
    authorizer: rule.authorizer === undefined ? { handler: '', config: null } : shownEntry(rule.authorizer),
    // Oathkeeper has no such key: it is there where somebody wrote it.
    ...(rule.authorizers === undefined ? {} : { authorizers: rule.authorizers.map(shownEntry) }),
    mutators: rule.mutators.map(shownEntry),
    errors: rule.errors?.map(shownEntry) ?? null,
    upstream: {
      preserve_host: rule.upstream.preserveHost,
      strip_path: rule.upstream.stripPath,
      url: withoutUser(rule.upstream.url),
    },
  }
}

const shownEntry = ({ handler, config }: Entry) => ({
  handler,
  config: config === undefined ? null : redact(config),
})

/** Keys whose values are secrets by name; `token_url` and `jwks_url` are none. */
const SECRET = /secret|password|passwd|authorization|api[-_]?key|private|token$|[-_]key$|credential|^cookie$/i
/** Headers for another service, by whatever names it wants its key. */
const HEADERS: ReadonlySet<string> = new Set(['additional_headers', 'introspection_request_headers'])
const REDACTED = 'REDACTED'

function redact(value: unknown, all = false): unknown {
  if (typeof value === 'string') return all ? REDACTED : withoutSecrets(value)
  if (Array.isArray(value)) return value.map(one => redact(one, all))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      redact(member, all || HEADERS.has(key) || (typeof member === 'string' && SECRET.test(key))),
    ]),
  )
}

/** `inline://` holds a key set, private keys included; a query may hold a token, or the signature of a store's address. */
const withoutSecrets = (text: string): string =>
  withoutUser(text)
    .replace(/^inline:.*$/is, `inline://${REDACTED}`)
    .replace(
      /([?&][^=&#]*(?:secret|token|password|key|sig|credential|auth)[^=&#]*=)[^&#]+/gi,
      `$1${REDACTED}`,
    )

/** `https://user:password@host` without its user part. */
const withoutUser = (text: string): string =>
  text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/i, `$1${REDACTED}@`)
