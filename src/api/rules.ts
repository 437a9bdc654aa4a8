/** The routes `/rules`, in Oathkeeper's format, and `/status`. They reveal no secret of a handler's config. */
import type { Diagnostic } from '../documents/diagnostic.ts'
import { publicUrl } from '../http/public_url.ts'
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
  /** The latest reload and what it changed, as in the log; `undefined` before the first has ended. */
  readonly last_reload: { readonly time: string } | undefined
}

export interface RulesDependencies {
  /** Rules in force that have no error. */
  readonly validRules: () => readonly ListedRule[]
  readonly status: () => ServiceStatus
  readonly publicConfig: PublicConfig
}

type HandlerKind = 'authenticator' | 'authorizer' | 'mutator' | 'error'
/** The configuration of a handler without anything that may be a secret. */
export type PublicConfig = (kind: HandlerKind, handler: string, config: unknown) => unknown

const DEFAULT_PAGE_RULES = 50
const MAX_PAGE_RULES = 500

/** `GET /rules`, `GET /rules/{id}` and `GET /status`. */
export function rulesRoutes({ validRules, status, publicConfig }: RulesDependencies): Route {
  const body = (rule: ListedRule) => ruleBody(rule, publicConfig)
  return ({ method, path, query }) => {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    if (path === '/status') return jsonReply(200, status())
    if (path === '/rules') return rulesPage(validRules(), query, body)
    const id = path.startsWith('/rules/') ? decodeId(path.slice('/rules/'.length)) : undefined
    if (id === undefined || id === '') return undefined
    const rule = validRules().find(one => one.id === id)
    return rule === undefined
      ? jsonErrorReply(404, 'The requested resource could not be found')
      : jsonReply(200, body(rule))
  }
}

/** A `limit` of 0 or less yields an empty page. A value that is not an integer counts as not set. */
function rulesPage(
  rules: readonly ListedRule[],
  query: URLSearchParams,
  body: (rule: ListedRule) => object,
): Reply {
  const limit = Math.min(parseInteger(query.get('limit')) ?? DEFAULT_PAGE_RULES, MAX_PAGE_RULES)
  const offset = Math.max(parseInteger(query.get('offset')) ?? 0, 0)
  return jsonReply(200, limit <= 0 ? [] : rules.slice(offset, offset + limit).map(body))
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

function ruleBody(rule: ListedRule, publicConfig: PublicConfig): object {
  const { match } = rule
  const listed =
    (kind: HandlerKind) =>
    ({ handler, config }: HandlerEntry) => ({
      handler,
      config: config === undefined ? null : publicConfig(kind, handler, config),
    })
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
    authenticators: rule.authenticators.map(listed('authenticator')),
    authorizer:
      rule.authorizer === undefined ? { handler: '', config: null } : listed('authorizer')(rule.authorizer),
    // Credence's own key; a rule without it is listed exactly as Oathkeeper lists it.
    ...(rule.authorizers === undefined ? {} : { authorizers: rule.authorizers.map(listed('authorizer')) }),
    mutators: rule.mutators.map(listed('mutator')),
    errors: rule.errors?.map(listed('error')) ?? null,
    upstream: {
      preserve_host: rule.upstream.preserveHost,
      strip_path: rule.upstream.stripPath,
      url: publicUrl(rule.upstream.url),
    },
  }
}
