/** test/conformance/kept — oddities of Oathkeeper that stay, since rules in production rely on them. Data; docs/differences.md is printed from it. */

export interface PreservedQuirk {
  readonly q: string
  /** Subject, for the reader's eye. */
  readonly subject: string
  readonly behavior: string
  /** `validate` warns where a rule or the configuration meets it. */
  readonly linted: boolean
  /** The setting that brings something better; empty where there is none. */
  readonly setting: string
}

const quirk = (q: string, about: string, what: string, said = false, setting = ''): PreservedQuirk => ({
  q,
  subject: about,
  behavior: what,
  linted: said,
  setting,
})

export const PRESERVED_QUIRKS: readonly PreservedQuirk[] = [
  quirk(
    'Q-05',
    'matching',
    'Two rules that match one request: 500, whatever the rules say.',
    true,
    '`access_rules.several_matches: first`',
  ),
  quirk('Q-06', 'matching', 'No rule that matches: 404.', false, '`access_rules.default_rule`'),
  quirk(
    'Q-07',
    'rules',
    'One rule that cannot be decoded refuses its whole document; the last good one stays.',
    true,
  ),
  quirk('Q-09', 'rules', 'Unknown fields of a rule are ignored.', true),
  quirk('Q-10', 'rules', 'Ids may be missing, or stand twice.', true),
  quirk('Q-15', 'rules', 'Rules of a file that is deleted stay in force.'),
  quirk(
    'Q-22',
    'patterns',
    'The dialect is .NET’s: `\\d`, `\\w`, `\\s` and `\\b` know all alphabets, `[[:alpha:]]`, `[a-z-[aeiou]]`, `(?i)`, `(?x)`, `(?P<n>…)`. What has no faithful translation is refused at load.',
    true,
  ),
  quirk('Q-23', 'patterns', 'Named groups are numbered after all unnamed ones.'),
  quirk(
    'Q-27',
    'patterns',
    'Globs capture nothing, `[!x]` takes separators, `<.*>` is a dot and a star.',
    true,
  ),
  quirk('Q-31', 'headers', 'A header that a handler sets has one value.'),
  quirk(
    'Q-36',
    'error handlers',
    'Two that apply at once, one that is switched off and applies, or a fallback that is switched off: 500.',
    true,
  ),
  quirk(
    'Q-43',
    'error conditions',
    'A missing `Accept` or `Content-Type` counts as `application/octet-stream`.',
  ),
  quirk('Q-46', 'sessions', '`cookie_session` without `only` feels responsible for any cookie.', true),
  quirk('Q-47', 'authenticators', '`anonymous` steps back before any `Authorization` header.'),
  quirk(
    'Q-48',
    'authenticators',
    'An authenticator that is responsible and says no ends the chain.',
    false,
    '`on_rejected: next`',
  ),
  quirk(
    'Q-49',
    'sessions',
    'The path of a `check_session_url` gives way to that of the request unless `preserve_path` is set.',
    true,
    '`preserve_path: true`',
  ),
  quirk(
    'Q-50',
    'sessions',
    'A session endpoint is asked with the method of the request.',
    true,
    '`force_method`',
  ),
  quirk(
    'Q-54',
    'sessions',
    'A token from another header, a cookie or the query is not sent to the session endpoint.',
  ),
  quirk(
    'Q-57',
    'tokens',
    '`required_scope` without a `scope_strategy`: ignored by introspection, 401 by `jwt`.',
    true,
  ),
  quirk('Q-58', 'introspection', 'Another status than 200, or fields of another type: 500.'),
  quirk(
    'Q-59',
    'tokens',
    'A token needs a `kid`, its key `use: sig`; there is no leeway, and `exp` may be missing.',
    false,
    '`leeway`, `require_exp`',
  ),
  quirk(
    'Q-62',
    'tokens',
    '`jwks_ttl` and `jwks_max_wait` of a rule have no effect; those of the configuration do.',
    true,
  ),
  quirk('Q-64', 'tokens', 'Every entry of `target_audience` must be in the token.'),
  quirk(
    'Q-65',
    'authorizers',
    'Every answer of a remote authorizer but 200 and 403 is 500, 204 and 401 included.',
    false,
    '`allow_statuses`, `deny_statuses`',
  ),
  quirk(
    'Q-68',
    'authorizers',
    'A `payload` is text: a value with a quote in it can add members.',
    true,
    '`toJson` in the template',
  ),
  quirk('Q-69', 'authorizers', 'A forwarded header that the authorizer did not send is set to nothing.'),
  quirk(
    'Q-70',
    'authorizers',
    '`remote` sends the body of the request, for which Envoy needs `with_request_body`; neither sends method and URL.',
    true,
  ),
  quirk('Q-71', 'authorizers', '`keto_engine_acp_ory` speaks to Keto 0.5 and older.'),
  quirk(
    'Q-72',
    'authorizers',
    'A rule has one authorizer.',
    false,
    '`authorizers`, a list, instead of `authorizer`',
  ),
  quirk('Q-77', 'templates', 'Numbers print as Go prints them: `1e+06`.'),
  quirk('Q-78', 'templates', 'A missing member prints `<no value>`.', true),
  quirk(
    'Q-85',
    'hydrator',
    'All headers of the request are sent, and are part of what its memory goes by: it hardly ever finds an answer.',
    true,
    '`cache.ignored_headers`',
  ),
  quirk('Q-86', 'hydrator', 'A 401 or 404 of its service is 500.'),
]
