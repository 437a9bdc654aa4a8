/** The routes `/rules`, in Oathkeeper's format, and `/status`. They reveal no secret of a handler's config. */
import type { Diagnostic } from '../documents/diagnostic.ts'
import { jsonErrorReply, jsonReply, type Reply } from './reply.ts'
import type { Route } from './server.ts'

interface HandlerEntry {
  readonly handler: string
  readonly config: unknown
}

/** The parts of a rule, as written, that `/rules` lists. */
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

/** The body of `/status`. */
export interface ServiceStatus {
  /** Hash of the configuration and rules in force; empty before the first. */
  readonly revision: string
  /** Number of rules in force. */
  readonly rules: number
  /** The state of each rule repository. */
  readonly sources: readonly object[]
  /** Problems of the last reload. */
  readonly problems: readonly Diagnostic[]
}

export interface RulesDependencies {
  /** Rules in force that have no error. */
  readonly validRules: () => readonly ListedRule[]
  readonly status: () => ServiceStatus
}

const DEFAULT_PAGE_RULES = 50
const MAX_PAGE_RULES = 500

/** `GET /rules`, `GET /rules/{id}` and `GET /status`. */
export function rulesRoutes({ validRules, status }: RulesDependencies): Route {
  return ({ method, path, query }) => {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    if (path === '/status') return jsonReply(200, status())
    if (path === '/rules') return rulesPage(validRules(), query)
    const id = path.startsWith('/rules/') ? decodeId(path.slice('/rules/'.length)) : undefined
    if (id === undefined || id === '') return undefined
    const rule = validRules().find(one => one.id === id)
    return rule === undefined
      ? jsonErrorReply(404, 'The requested resource could not be found')
      : jsonReply(200, ruleBody(rule))
  }
}

/** A `limit` of 0 or less yields an empty page. A value that is not an integer counts as not set. */
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
    // Credence's own key; a rule without it is listed exactly as Oathkeeper lists it.
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

/** Keys whose text is a secret. `token_url` and `jwks_url` are not. */
const SECRET_KEY =
  /secret|password|passwd|authorization|api[-_]?key|private|token$|[-_]key$|credential|^cookie$/i
/** Keys of headers for another service. Any of them may hold a key, whatever its name. */
const HEADER_MAP_KEYS: ReadonlySet<string> = new Set(['additional_headers', 'introspection_request_headers'])
const REDACTED = 'REDACTED'

/** A copy of a handler's config without its secrets. With `all`, every text is a secret. */
function redact(value: unknown, all = false): unknown {
  if (typeof value === 'string') return all ? REDACTED : withoutSecrets(value)
  if (Array.isArray(value)) return value.map(one => redact(one, all))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      redact(member, all || HEADER_MAP_KEYS.has(key) || (typeof member === 'string' && SECRET_KEY.test(key))),
    ]),
  )
}

/**
 * Removes the content of `inline://`, which may be a key set with private keys, and those parameters of a
 * query that may be a token or the signature of a storage address.
 */
const withoutSecrets = (text: string): string =>
  withoutUserinfo(text)
    .replace(/^inline:.*$/is, `inline://${REDACTED}`)
    .replace(
      /([?&][^=&#]*(?:secret|token|password|key|sig|credential|auth)[^=&#]*=)[^&#]+/gi,
      `$1${REDACTED}`,
    )

/** Removes the user part of `https://user:password@host`. */
const withoutUserinfo = (text: string): string =>
  text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/i, `$1${REDACTED}@`)
