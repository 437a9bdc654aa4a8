/** api/rules — the rules in force, as Oathkeeper lists them, and our own status. Shows no secret of a handler's config. */
import type { Diagnostic } from '../documents/diagnostic.ts'
import { jsonErrorReply, jsonReply, type Reply } from './reply.ts'
import type { Route } from './server.ts'

interface HandlerEntry {
  readonly handler: string
  readonly config: unknown
}

/** A rule as written, as far as it is shown. */
export interface ListedRule {
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
  readonly authenticators: readonly HandlerEntry[]
  readonly authorizer: HandlerEntry | undefined
  readonly authorizers: readonly HandlerEntry[] | undefined
  readonly mutators: readonly HandlerEntry[]
  readonly errors: readonly HandlerEntry[] | undefined
  readonly upstream: { readonly url: string; readonly stripPath: string; readonly preserveHost: boolean }
}

export interface ServiceStatus {
  readonly revision: string
  readonly rules: number
  /** Rule repositories and how each is doing. */
  readonly sources: readonly object[]
  readonly issues: readonly Diagnostic[]
}

export interface RulesDependencies {
  readonly validRules: () => readonly ListedRule[]
  readonly status: () => ServiceStatus
}

const DEFAULT_PAGE_RULES = 50
const MAX_PAGE_RULES = 500

export function rulesRoutes({ validRules: listed, status }: RulesDependencies): Route {
  return ({ method, path, query }) => {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    if (path === '/status') return jsonReply(200, status())
    if (path === '/rules') return rulesPage(listed(), query)
    const id = path.startsWith('/rules/') ? decodeId(path.slice('/rules/'.length)) : undefined
    if (id === undefined || id === '') return undefined
    const rule = listed().find(one => one.id === id)
    return rule === undefined
      ? jsonErrorReply(404, 'The requested resource could not be found')
      : jsonReply(200, ruleBody(rule))
  }
}

/** `limit` 0 or less is an empty page; what is no number is the default (spec 9.1). */
function rulesPage(rules: readonly ListedRule[], query: URLSearchParams): Reply {
  const limit = Math.min(parseInteger(query.get('limit')) ?? DEFAULT_PAGE_RULES, MAX_PAGE_RULES)
  const offset = Math.max(parseInteger(query.get('offset')) ?? 0, 0)
  return jsonReply(200, limit <= 0 ? [] : rules.slice(offset, offset + limit).map(ruleBody))
}

const parseInteger = (text: string | null): number | undefined =>
  text !== null && /^-?\d+$/.test(text) ? Number(text) : undefined

function decodeId(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function ruleBody(rule: ListedRule): object {
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
    authenticators: rule.authenticators.map(handlerBody),
    authorizer: rule.authorizer === undefined ? { handler: '', config: null } : handlerBody(rule.authorizer),
    // Oathkeeper has no such key: it is there where somebody wrote it.
    ...(rule.authorizers === undefined ? {} : { authorizers: rule.authorizers.map(handlerBody) }),
    mutators: rule.mutators.map(handlerBody),
    errors: rule.errors?.map(handlerBody) ?? null,
    upstream: {
      preserve_host: rule.upstream.preserveHost,
      strip_path: rule.upstream.stripPath,
      url: withoutUserinfo(rule.upstream.url),
    },
  }
}

const handlerBody = ({ handler, config }: HandlerEntry) => ({
  handler,
  config: config === undefined ? null : redact(config),
})

/** Keys whose values are secrets by name; `token_url` and `jwks_url` are none. */
const SECRET_KEY =
  /secret|password|passwd|authorization|api[-_]?key|private|token$|[-_]key$|credential|^cookie$/i
/** Headers for another service, by whatever names it wants its key. */
const HEADER_MAP_KEYS: ReadonlySet<string> = new Set(['additional_headers', 'introspection_request_headers'])
const REDACTED = 'REDACTED'

function redact(value: unknown, everything = false): unknown {
  if (typeof value === 'string') return everything ? REDACTED : withoutSecrets(value)
  if (Array.isArray(value)) return value.map(one => redact(one, everything))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      redact(
        member,
        everything || HEADER_MAP_KEYS.has(key) || (typeof member === 'string' && SECRET_KEY.test(key)),
      ),
    ]),
  )
}

/** `inline://` holds a key set, private keys included; a query may hold a token, or the signature of a store's address. */
const withoutSecrets = (text: string): string =>
  withoutUserinfo(text)
    .replace(/^inline:.*$/is, `inline://${REDACTED}`)
    .replace(
      /([?&][^=&#]*(?:secret|token|password|key|sig|credential|auth)[^=&#]*=)[^&#]+/gi,
      `$1${REDACTED}`,
    )

/** `https://user:password@host` without its user part. */
const withoutUserinfo = (text: string): string =>
  text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/i, `$1${REDACTED}@`)
