/** Reports keys of Credence in rules: Oathkeeper rejects such rules, so a typing mistake could open what was closed. */
import type { DocumentPath } from '../../documents/diagnostic.ts'
import type { AccessRule, HandlerEntry } from '../document.ts'
import type { LocatedRule } from '../parse.ts'
import type { ReportDiagnostic } from './fields.ts'

const SESSION_KEYS = [
  'cache',
  'check_session_url_by_host',
  'forbid_unreachable',
  'forward_credential',
  'kratos',
  'on_rejected',
  'require',
  'require_subject',
]
const REMOTE_KEYS = ['allow_statuses', 'allowed_from', 'deny_statuses']

/** The keys of each handler that Oathkeeper does not have. Handlers of different kinds have different names. */
export const EXTENSION_KEYS: Readonly<Record<string, readonly string[]>> = {
  cookie_session: SESSION_KEYS,
  bearer_token: SESSION_KEYS,
  jwt: ['forward_credential', 'jwks_by_issuer', 'leeway', 'on_rejected', 'require_exp'],
  oauth2_client_credentials: ['forward_credential', 'on_rejected'],
  oauth2_introspection: ['forward_credential', 'on_rejected'],
  keto_engine_acp_ory: ['respect_forwarded_for_header'],
  remote: [...REMOTE_KEYS, 'allow_missing_body'],
  remote_json: REMOTE_KEYS,
  redirect: ['return_to_hosts'],
  cookie: ['from_clients'],
  hydrator: ['any_header', 'headers'],
  id_token: ['cache'],
}

/** Reports the first such key of a source: from then on the file is no longer one for Oathkeeper. */
export function lintExtensions(
  { rule, location: { source } }: LocatedRule,
  extendedSources: Set<string>,
  report: ReportDiagnostic,
): void {
  if (extendedSources.has(source)) return
  const extension = firstExtension(rule)
  if (extension === undefined) return
  extendedSources.add(source)
  const message = `"${extension.at(-1)}" is a key of Credence: this file is no longer one for Oathkeeper, which rejects the rule`
  const hint = extension[0] === 'authorizers' && extension.length === 1 ? AUTHORIZERS_HINT : ''
  report('notice', extension, message, hint)
}

const AUTHORIZERS_HINT = 'write authorizer, without a list, for both'

function firstExtension(rule: AccessRule): DocumentPath | undefined {
  if (rule.authorizers !== undefined) return ['authorizers']
  const entries: readonly (readonly [path: DocumentPath, entry: HandlerEntry | undefined])[] = [
    ...rule.authenticators.map((entry, i) => [['authenticators', i], entry] as const),
    [['authorizer'], rule.authorizer],
    ...rule.mutators.map((entry, i) => [['mutators', i], entry] as const),
    ...(rule.errors ?? []).map((entry, i) => [['errors', i], entry] as const),
  ]
  for (const [path, entry] of entries) {
    const { config } = entry ?? {}
    if (typeof config !== 'object' || config === null) continue
    const known = EXTENSION_KEYS[entry?.handler ?? '']
    const key = Object.keys(config).find(name => known?.includes(name))
    if (key !== undefined) return [...path, 'config', key]
  }
  return undefined
}
