/** Surprising behaviour of Oathkeeper that Credence preserves, because rules in production rely on it. Data of docs/differences.md. */
export interface PreservedQuirk {
  readonly q: string
  /** Area of the quirk, a column of docs/differences.md. */
  readonly subject: string
  readonly behavior: string
  /** Whether `validate` reports rules or settings that are affected. */
  readonly linted: boolean
  /** The setting that changes the behaviour; empty if there is none. */
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
    'A request that two rules match is 500.',
    true,
    '`access_rules.on_multiple_matches: first`',
  ),
  quirk('Q-06', 'matching', 'A request that no rule matches is 404.', false, '`access_rules.default_rule`'),
  quirk(
    'Q-07',
    'rules',
    'One rule that cannot be decoded rejects its whole document; the previous rules stay in force.',
    true,
  ),
  quirk('Q-09', 'rules', 'Unknown fields of a rule are ignored.', true),
  quirk('Q-10', 'rules', 'Ids may be missing or duplicate.', true),
  quirk('Q-15', 'rules', 'Rules of a file that is deleted stay in force.'),
  quirk(
    'Q-22',
    'patterns',
    'Patterns are regexp2, a .NET dialect: `\\d`, `\\w`, `\\s` and `\\b` cover all alphabets, and there are `[[:alpha:]]`, `[a-z-[aeiou]]`, `(?i)`, `(?x)` and `(?P<n>…)`. Syntax without a faithful translation is rejected at load.',
    true,
  ),
  quirk('Q-23', 'patterns', 'Named groups are numbered after all unnamed ones.'),
  quirk(
    'Q-27',
    'patterns',
    'Globs have no captures, `[!x]` matches separators, and `<.*>` is a dot followed by text without separators.',
    true,
  ),
  quirk('Q-31', 'headers', 'A header that a handler sets has one value.'),
  quirk(
    'Q-36',
    'error handlers',
    'Two handlers that match, a disabled handler that matches, or a disabled fallback is 500.',
    true,
  ),
  quirk(
    'Q-43',
    'error conditions',
    'A missing `Accept` or `Content-Type` counts as `application/octet-stream`.',
  ),
  quirk('Q-46', 'sessions', '`cookie_session` without `only` applies to any cookie.', true),
  quirk('Q-47', 'authenticators', '`anonymous` does not apply to a request with an `Authorization` header.'),
  quirk(
    'Q-48',
    'authenticators',
    'An authenticator that rejects a credential ends the list.',
    false,
    '`on_rejected: next`',
  ),
  quirk(
    'Q-49',
    'sessions',
    'The path of the request replaces that of `check_session_url` unless `preserve_path` is set.',
    true,
    '`preserve_path: true`',
  ),
  quirk(
    'Q-50',
    'sessions',
    'A session endpoint is called with the method of the request.',
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
    '`required_scope` without a `scope_strategy` is ignored by introspection and 401 by `jwt`.',
    true,
  ),
  quirk('Q-58', 'introspection', 'A status other than 200, or a field of the wrong type, is 500.'),
  quirk(
    'Q-59',
    'tokens',
    'A token needs a `kid` and its key `use: sig`. There is no leeway, and `exp` may be missing.',
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
    'Every status of a remote authorizer except 200 and 403 is 500, including 204 and 401.',
    false,
    '`allow_statuses`, `deny_statuses`',
  ),
  quirk(
    'Q-68',
    'authorizers',
    'A `payload` is text: a value that contains a quote can add members.',
    true,
    '`toJson` in the template',
  ),
  quirk(
    'Q-69',
    'authorizers',
    'A forwarded header that the authorizer did not send is set to the empty value.',
  ),
  quirk(
    'Q-70',
    'authorizers',
    '`remote` sends the body of the request, which Envoy passes on only with `with_request_body`. Method and URL are not sent.',
    true,
  ),
  quirk('Q-71', 'authorizers', '`keto_engine_acp_ory` supports Keto 0.5 and older.'),
  quirk(
    'Q-72',
    'authorizers',
    'A rule has one authorizer.',
    false,
    '`authorizers`, a list, instead of `authorizer`',
  ),
  quirk('Q-77', 'templates', 'Numbers are printed as by Go: `1e+06`.'),
  quirk('Q-78', 'templates', 'A missing member is printed as `<no value>`.', true),
  quirk(
    'Q-85',
    'hydrator',
    'All request headers are sent and are part of the cache key, so the cache rarely hits.',
    true,
    '`cache.ignored_headers`',
  ),
  quirk('Q-86', 'hydrator', 'A 401 or 404 of the service is 500.'),
]
