/** Behaviour of Oathkeeper that Credence changes on purpose; docs/differences.md is generated from this data. */
export interface IntendedDifference {
  readonly q: string
  /** Area of the difference, a column of docs/differences.md. */
  readonly subject: string
  readonly oathkeeper: string
  readonly credence: string
  /** The setting that restores Oathkeeper's behaviour; empty if that is unsafe or unnecessary. */
  readonly setting: string
}

export const INTENDED_DIFFERENCES: readonly IntendedDifference[] = [
  {
    q: 'Q-01',
    subject: 'rules',
    oathkeeper: 'An invalid rule still matches but is not listed.',
    credence: 'It still matches and answers 500. `/status`, the log, a metric and `validate` report it.',
    setting: '`strict: true` rejects the whole set',
  },
  {
    q: 'Q-02',
    subject: 'rules',
    oathkeeper: 'A rule without `match` makes every request fail.',
    credence: 'It matches nothing and is an error in `validate`.',
    setting: '',
  },
  {
    q: 'Q-03',
    subject: 'rules',
    oathkeeper: '`match.url: ""` panics.',
    credence: 'It matches nothing and is an error in `validate`.',
    setting: '',
  },
  {
    q: 'Q-04',
    subject: 'rules',
    oathkeeper: 'A broken pattern turns requests into 500 when it is first used.',
    credence: 'The set is rejected at load, with file and line; the previous rules stay in force.',
    setting: '',
  },
  {
    q: 'Q-08',
    subject: 'rules',
    oathkeeper: 'A document with a single rule, without a list, is rejected.',
    credence: 'It is accepted.',
    setting: '',
  },
  {
    q: 'Q-11',
    subject: 'rules',
    oathkeeper: 'The order of repositories is random.',
    credence: 'Repositories keep the configured order.',
    setting: '',
  },
  {
    q: 'Q-12',
    subject: 'rules',
    oathkeeper: 'Remote rules are loaded once.',
    credence: 'They are loaded again with every reload, with conditional requests, and can be polled.',
    setting: '`access_rules.poll_interval`, off by default',
  },
  {
    q: 'Q-13',
    subject: 'readiness',
    oathkeeper: 'Ready with the first valid rule; never ready without one.',
    credence:
      'Ready when every repository has been loaded once. Until then every request is answered with 503.',
    setting: '`access_rules.required: true` also requires a valid rule',
  },
  {
    q: 'Q-14',
    subject: 'rules',
    oathkeeper: 'A partly written file can remove all rules.',
    credence: 'A change is read once the file is quiet. An empty file counts as not written yet.',
    setting: '',
  },
  {
    q: 'Q-16',
    subject: 'rules',
    oathkeeper: 'An unquoted date in a rule file is not a string and fails where a string is expected.',
    credence: 'It is the text as written.',
    setting: '',
  },
  {
    q: 'Q-17',
    subject: 'rules',
    oathkeeper: 'A missing remote repository ends the process, a missing file does not.',
    credence: 'Both start not ready and are retried.',
    setting: '`access_rules.fail_fast: true` ends the process in both cases',
  },
  {
    q: 'Q-18',
    subject: 'paths',
    oathkeeper: 'Paths are decoded by the proxy and not by the decision API.',
    credence:
      'Paths are decoded once. A path that another reader could interpret differently is 400: `%2F`, dot segments, `//`, a backslash, a raw `#`, blanks and non-ASCII letters, escaped control characters, `%25` before two hex digits.',
    setting: '`paths: oathkeeper`',
  },
  {
    q: 'Q-19',
    subject: 'paths',
    oathkeeper:
      'Paths are cleaned before matching, so the rule may match another path than the application serves.',
    credence:
      'A path that cleaning would change is 400. A trailing slash counts, as in Oathkeeper up to v25.',
    setting: '`paths: oathkeeper`',
  },
  {
    q: 'A17',
    subject: 'paths',
    oathkeeper: 'The path of a request may be empty.',
    credence:
      'Over gRPC a path must start with a slash, otherwise the request is 400. `/decisions` itself is a request for the root.',
    setting: '',
  },
  {
    q: 'Q-20',
    subject: 'hosts',
    oathkeeper: 'Hosts are compared byte by byte.',
    credence: 'Hosts are normalized: lower case, without the default port and a trailing dot.',
    setting: '`hosts: exact`',
  },
  {
    q: 'B1',
    subject: 'hosts',
    oathkeeper: 'Any host is accepted.',
    credence:
      'An empty host, a host with `@`, `%`, a comma, blanks or non-ASCII letters, and an invalid port are 400.',
    setting: '',
  },
  {
    q: 'Q-21',
    subject: 'patterns',
    oathkeeper: 'The end of a pattern also matches before a final line feed.',
    credence: 'The end of a pattern matches the end of the URL only.',
    setting: '',
  },
  {
    q: 'Q-22',
    subject: 'patterns',
    oathkeeper:
      '`(?i)` folds case like Go. A repeated group that matched nothing in its last round is empty.',
    credence:
      '`(?i)` folds case like Unicode (`ſ` is an `s`). In `(a*){1,2}` the group may keep the previous round.',
    setting: '',
  },
  {
    q: 'Q-24',
    subject: 'patterns',
    oathkeeper: 'A pattern may run for 250 ms under a global lock.',
    credence:
      'Patterns that can take too long on short URLs are rejected at load; other slow ones limit the length of the URL.',
    setting: '',
  },
  {
    q: 'A18',
    subject: 'matching',
    oathkeeper: 'A URL may have any length.',
    credence: 'A URL of more than 16,384 characters is 400.',
    setting: '',
  },
  {
    q: 'Q-25',
    subject: 'matching',
    oathkeeper: 'Every rule is tried for every request.',
    credence: 'An index selects the few rules that can match.',
    setting: '',
  },
  {
    q: 'Q-26',
    subject: 'matching',
    oathkeeper: 'A changed `matching_strategy` has no effect on rules in use.',
    credence: 'Rules are compiled again.',
    setting: '',
  },
  {
    q: 'Q-28',
    subject: 'forwarded headers',
    oathkeeper: '`X-Forwarded-*` headers are always trusted.',
    credence:
      'They are ignored over gRPC, and trusted at `/decisions` only from `serve.api.trusted_proxies`. The request is 400 if its own target, method, scheme or host (`GET /decisions/a`) differs from them, if `X-Forwarded-Uri` comes without `X-Forwarded-Method`, or if one of the headers has two different values.',
    setting: '`serve.api.trusted_proxies`, `serve.api.direct_overrides`',
  },
  {
    q: 'Q-29',
    subject: 'queries',
    oathkeeper: 'The query of `X-Forwarded-Uri` is dropped.',
    credence: 'The query is kept.',
    setting: '',
  },
  {
    q: 'Q-30',
    subject: 'mutators',
    oathkeeper: '`noop` echoes every request header.',
    credence:
      'Only headers that a handler set are returned, appear in `.Header` of templates and are sent to a hydrator.',
    setting: '',
  },
  {
    q: 'D2',
    subject: 'headers',
    oathkeeper: 'The gateway’s configuration decides whether returned headers are added or set.',
    credence: 'A header that a handler sets replaces every line of that header from the client, in any case.',
    setting: '',
  },
  {
    q: 'D1b',
    subject: 'identity headers',
    oathkeeper: 'A client can send a header that one rule sets through another rule that does not set it.',
    credence: 'Headers that any rule can set are removed unless the deciding rule sets them.',
    setting: '',
  },
  {
    q: 'Q-33',
    subject: 'error conditions',
    oathkeeper: '`cidr` is ignored and `remote_ip` rejected.',
    credence: 'Both work and use the address of the peer.',
    setting: '',
  },
  {
    q: 'Q-34',
    subject: 'error bodies',
    oathkeeper: '503 and 504 quote the token endpoint.',
    credence: 'They contain a fixed message.',
    setting: '',
  },
  {
    q: 'Q-35',
    subject: 'error bodies',
    oathkeeper: 'Verbose JWT errors contain stack traces and claims.',
    credence: 'They contain a short reason.',
    setting: '',
  },
  {
    q: 'D14',
    subject: 'error bodies',
    oathkeeper: 'Denials may be cached and their content type guessed.',
    credence:
      'They have `Cache-Control: no-store` and `X-Content-Type-Options: nosniff`, and a challenge (RFC 6750) if a bearer token was rejected.',
    setting: '',
  },
  {
    q: 'Q-37',
    subject: 'redirects',
    oathkeeper: '`return_to` contains `%3F` behind a gateway.',
    credence: '`return_to` is the URL as Envoy received it.',
    setting: '',
  },
  {
    q: 'Q-38',
    subject: 'redirects',
    oathkeeper: '`return_to` is built from headers that a client may send.',
    credence: 'It is built from the request that Envoy received.',
    setting: '`return_to_hosts` on the handler restricts the hosts',
  },
  {
    q: 'D9',
    subject: 'redirects',
    oathkeeper: 'A redirect to the login can loop forever.',
    credence: 'The third redirect for one page within a minute is a page that explains the problem.',
    setting: 'a redirect without `return_to_query_param` is not counted',
  },
  {
    q: 'G7',
    subject: 'redirects',
    oathkeeper:
      'A `redirect` without `when` sends every user to the login while the session endpoint is down.',
    credence: 'A failed session check is answered with 503, as a page or as JSON.',
    setting: '`when: [{ error: [service_unavailable] }]` on the handler',
  },
  {
    q: 'Q-40',
    subject: 'error conditions',
    oathkeeper: '`when.error` cannot name 400, 429, 503.',
    credence: 'It can name them.',
    setting: '',
  },
  {
    q: 'Q-41',
    subject: 'error conditions',
    oathkeeper: '`Accept` entries with parameters never match, `q=0` does.',
    credence: '`Accept` follows RFC 9110; wildcards of the request stay literal.',
    setting: '',
  },
  {
    q: 'Q-42',
    subject: 'error conditions',
    oathkeeper: 'A malformed `Content-Type` turns a 401 into a 500.',
    credence: 'The condition does not match.',
    setting: '',
  },
  {
    q: 'Q-32',
    subject: 'error bodies',
    oathkeeper: 'There is an empty `Ory-Error-Id` header, and unclean decision paths are redirected.',
    credence: 'Neither happens.',
    setting: '',
  },
  {
    q: 'Q-44',
    subject: 'sessions',
    oathkeeper: 'A 200 without JSON authenticates with an empty subject.',
    credence:
      'Kratos must return an active session with an identity. Other endpoints behave as in Oathkeeper, with a log line and a metric.',
    setting: '`require_subject: true` rejects it',
  },
  {
    q: 'Q-45',
    subject: 'sessions',
    oathkeeper: 'Redirects of a session endpoint are followed, so a login page authenticates every request.',
    credence: 'A redirect is 401.',
    setting: '',
  },
  {
    q: 'Q-45',
    subject: 'redirects',
    oathkeeper:
      'Redirects of key sets, token endpoints, introspection endpoints and authorizers are followed.',
    credence:
      'They are not followed. A key set that answers 3xx is unavailable, which is logged; configure the final address.',
    setting: '',
  },
  {
    q: 'Q-50',
    subject: 'sessions',
    oathkeeper:
      'The session check is made with the method of the request, with its path unless `preserve_path` is set, and with whatever headers are forwarded.',
    credence:
      'Kratos is called with GET, at its whoami path, with exactly one credential. Other endpoints are called as by Oathkeeper.',
    setting: '`kratos: false` on the handler',
  },
  {
    q: 'J11',
    subject: 'sessions',
    oathkeeper: 'Of several session cookies with unequal values Kratos takes the first that decodes.',
    credence:
      'Several different ones are 401, so that an attacker who can add a cookie cannot choose the session.',
    setting: '',
  },
  {
    q: 'Q-51',
    subject: 'sessions',
    oathkeeper: 'An unreachable session endpoint is 403.',
    credence: '503 with `Retry-After`.',
    setting: '`forbid_unreachable` on the handler',
  },
  {
    q: 'Q-52',
    subject: 'sessions',
    oathkeeper: 'No timeout and no cache: every request calls Kratos.',
    credence:
      'Kratos is called once per session and `sessions.cache.ttl`; concurrent requests share the call. Other endpoints are called each time.',
    setting: '`cache.enabled: false` on the handler; `true` for other endpoints',
  },
  {
    q: 'Q-53',
    subject: 'sessions',
    oathkeeper: 'A missing second factor is a bare 401.',
    credence:
      '403 for a cookie and a challenge for a token (RFC 9470). `when.error` can match it, and `redirect` leads to the flow for the second factor.',
    setting: '',
  },
  {
    q: 'C13',
    subject: 'tokens',
    oathkeeper: 'The first `Authorization` line, header, cookie or parameter is used.',
    credence: 'Several different ones are 401, including values that a proxy joined with a comma.',
    setting: '',
  },
  {
    q: 'C1',
    subject: 'sessions',
    oathkeeper:
      '`bearer_token` reads `Authorization` only, and calls Kratos for JWTs, which Kratos never accepts.',
    credence: 'With Kratos, `X-Session-Token` is read first, and a JWT is left to the next authenticator.',
    setting: '`token_from: { header: Authorization }`',
  },
  {
    q: 'Q-55',
    subject: 'timeouts',
    oathkeeper: '`retry` does nothing in most handlers.',
    credence: 'Every call has a timeout of its own and ends at the deadline of the Check.',
    setting: '',
  },
  {
    q: 'Q-56',
    subject: 'introspection',
    oathkeeper: 'The cache has one lifetime for all rules.',
    credence:
      'The lifetime is the smaller of `cache.ttl` and the token’s own expiry; `0s` disables the cache, where Oathkeeper caches forever. Active responses are cached even if a rule denies the request; each rule checks them again.',
    setting: '',
  },
  {
    q: 'P3',
    subject: 'sessions',
    oathkeeper: '`subject_from` and `extra_from` walk over the text of an answer.',
    credence:
      'Over its values: of a member that stands twice the last counts, and texts that hold JSON are texts until `@fromstr`. An answer that looks like JSON and is none is 403, not a session without a subject.',
    setting: '',
  },
  {
    q: 'P4',
    subject: 'sessions',
    oathkeeper: 'A Kratos needs `subject_from`, `extra_from` and `only` in each configuration.',
    credence: 'They default to `identity.id`, `@this`, and `ory_kratos_session` or `ory_session_…`.',
    setting: '',
  },
  {
    q: 'Q-60',
    subject: 'tokens',
    oathkeeper: 'EdDSA cannot be verified.',
    credence: 'It can be verified if it is allowed explicitly.',
    setting: '',
  },
  {
    q: 'C12',
    subject: 'tokens',
    oathkeeper: '`crit` and `typ` of a token and `alg` of a key are ignored.',
    credence:
      'A token with an unknown critical extension or of a type that proves no access (`logout+jwt`, `dpop+jwt` …) is rejected, and so is a key with another `alg`.',
    setting: '',
  },
  {
    q: 'I8',
    subject: 'tokens',
    oathkeeper: 'Keys of any strength are used.',
    credence: 'RSA keys below 2048 bits and shared secrets below 256 bits are rejected.',
    setting: '',
  },
  {
    q: 'Q-61',
    subject: 'tokens',
    oathkeeper: 'Every unknown `kid` fetches all key sets.',
    credence:
      'Fetches are rate-limited, unknown `kid`s are cached, and sets are refreshed in the background.',
    setting: '',
  },
  {
    q: 'E12',
    subject: 'authorizers',
    oathkeeper: 'A `remote` authorizer may receive a truncated body.',
    credence:
      'If Envoy has truncated a body, or sends none although the request declares one, the request is 403 and the authorizer is not called.',
    setting: '`allow_missing_body`',
  },
  {
    q: 'Q-63',
    subject: 'tokens',
    oathkeeper: 'The rule evaluated last sets the cache lifetime of client-credentials tokens for all rules.',
    credence: 'Each rule sets its own. A token without an expiry is still not cached if `cache.ttl` is set.',
    setting: '',
  },
  {
    q: 'Q-66',
    subject: 'authorizers',
    oathkeeper: 'POST requests are retried for seconds.',
    credence: 'They are retried only after a connection error, within the deadline.',
    setting: '',
  },
  {
    q: 'Q-67',
    subject: 'authorizers',
    oathkeeper: 'A 429 of a remote authorizer is 500.',
    credence: '429 with its headers is passed on.',
    setting: '',
  },
  {
    q: 'Q-73',
    subject: 'patterns',
    oathkeeper: 'Globs with alternatives miss texts that they should match.',
    credence: 'They match; in `literal**literal` the two literals may still overlap.',
    setting: '',
  },
  {
    q: 'P1',
    subject: 'patterns',
    oathkeeper: 'Globs count bytes where non-ASCII letters are next to classes.',
    credence: 'They count letters, except for `?` before a part of fixed length.',
    setting: '',
  },
  {
    q: 'Q-76',
    subject: 'templates',
    oathkeeper: 'A changed template has no effect until a restart.',
    credence: 'It takes effect with the next reload.',
    setting: '',
  },
  {
    q: 'Q-79',
    subject: 'templates',
    oathkeeper: 'Header values may contain control characters.',
    credence: 'The request is 500.',
    setting: '',
  },
  {
    q: 'D10',
    subject: 'headers',
    oathkeeper: 'A rule may set any header.',
    credence:
      'Headers that frame the message or belong to one hop (`Host`, `Content-Length`, `Connection`, `X-Envoy-*` …) are an error at load, or 500 if a service returns them.',
    setting: '',
  },
  {
    q: 'Q-80',
    subject: 'templates',
    oathkeeper: 'Headers are rendered in random order.',
    credence: 'They are rendered in the order of their names.',
    setting: '',
  },
  {
    q: 'Q-81',
    subject: 'templates',
    oathkeeper: 'Templates can read the environment, resolve host names and generate keys.',
    credence: 'They cannot; a rule that tries to is an error at load.',
    setting:
      'none, on purpose: an author of rules could read the secrets of the service and send them elsewhere',
  },
  {
    q: 'H2',
    subject: 'templates',
    oathkeeper: 'A template may run and grow without limit.',
    credence:
      'The limits are a million steps, a megabyte of text and lists of 100,000 elements. Beyond them the request is 500.',
    setting: '',
  },
  {
    q: 'P2',
    subject: 'templates',
    oathkeeper: 'Names of time zones come from the zone files of the machine.',
    credence: 'They come from Unicode’s data. A zone without a short English name is its offset (`+09`).',
    setting: '',
  },
  {
    q: 'Q-82',
    subject: 'id_token',
    oathkeeper: 'The `kid` may belong to another key.',
    credence: 'It is the `kid` of the public key that belongs to the signing key, or its own.',
    setting: '',
  },
  {
    q: 'Q-83',
    subject: 'id_token',
    oathkeeper: 'Cached tokens survive a change of keys.',
    credence: 'They are evicted.',
    setting: '',
  },
  {
    q: 'Q-84',
    subject: 'id_token',
    oathkeeper: '`claims: "null"` panics.',
    credence: 'The request is 500 with a reason.',
    setting: '',
  },
  {
    q: 'Q-90',
    subject: 'configuration',
    oathkeeper: 'Any environment variable with a matching name is used.',
    credence: 'Only names of more than one part are used; Credence’s own start with `CREDENCE_`.',
    setting: '',
  },
  {
    q: 'Q-91',
    subject: 'configuration',
    oathkeeper: 'An invalid number in a variable becomes 0, and an invalid boolean false.',
    credence: 'Both are errors.',
    setting: '',
  },
  {
    q: 'P5',
    subject: 'configuration',
    oathkeeper: 'The api and metrics ports listen on all interfaces.',
    credence: 'They listen on loopback unless a host is set, which is logged at start.',
    setting: '`serve.api.host: ""`, `serve.prometheus.host: ""`',
  },
  {
    q: 'P6',
    subject: 'configuration',
    oathkeeper: 'An empty `serve.api.cors.allowed_origins` allows every origin.',
    credence: 'It allows none.',
    setting: '`serve.api.cors.allowed_origins: ["*"]`',
  },
  {
    q: 'P7',
    subject: 'configuration',
    oathkeeper: '`serve.proxy` is a reverse proxy.',
    credence: 'Envoy does the proxying; its keys, and `upstream` of rules, are accepted without effect.',
    setting: '',
  },
  {
    q: 'P8',
    subject: 'configuration',
    oathkeeper: 'Unknown keys are rejected.',
    credence:
      'Oathkeeper rejects a file with Credence’s own keys: `serve.grpc`, `sessions`, `paths`, `hosts`, `strict`, those under `access_rules` that docs/configuration.md marks, in rules `authorizers`, and of handlers `any_header`, `allow_missing_body`, `allow_statuses`, `allowed_from`, `cache`, `check_session_url_by_host`, `deny_statuses`, `forbid_unreachable`, `forward_credential`, `from_clients`, `headers` of `hydrator`, `jwks_by_issuer`, `kratos`, `leeway`, `on_rejected`, `require`, `require_exp`, `require_subject`, `respect_forwarded_for_header`, `return_to_hosts`. `validate` and the log note the first of them in a file of rules.',
    setting: '',
  },
  {
    q: 'Q-92',
    subject: 'configuration',
    oathkeeper: '`token_from` of rule and configuration merge to an invalid value.',
    credence: 'The value of the rule replaces that of the configuration.',
    setting: '',
  },
  {
    q: 'Q-94',
    subject: 'api',
    oathkeeper: '`/rules` shows secrets.',
    credence:
      'It shows texts that a schema marks as public. Others are `REDACTED`, and so are queries of URLs.',
    setting: '',
  },
  {
    q: 'Q-95',
    subject: 'api',
    oathkeeper: 'When not ready, the status is 503 and the body says 500.',
    credence: 'Both say 503.',
    setting: '',
  },
  {
    q: 'P9',
    subject: 'api',
    oathkeeper: '`/decisions` is enabled.',
    credence: 'It is disabled by default.',
    setting: '`serve.api.decisions: true`',
  },
  {
    q: 'P10',
    subject: 'api',
    oathkeeper: '`/version` is not found.',
    credence: '`/version` exists, and `/status` shows revision, sources and diagnostics of the rules.',
    setting: '',
  },
  {
    q: 'P11',
    subject: 'api',
    oathkeeper: 'An invalid request is a protocol error.',
    credence:
      'Over gRPC it is denied with 400, so that a gateway that allows on errors does not let it through.',
    setting: '',
  },
  {
    q: 'P12',
    subject: 'rules',
    oathkeeper: 'RPC rules are for Oathkeeper’s Go middleware.',
    credence: 'They match gRPC and Connect requests.',
    setting: '',
  },
  {
    q: 'Q-96',
    subject: 'metrics',
    oathkeeper: 'Metrics have no rule, handler or decision, and are served on every path of the port.',
    credence:
      'Metrics have rule, decision and reason code. Oathkeeper’s two metrics are served as well, on `metrics_path` only.',
    setting: '',
  },
  {
    q: 'Q-97',
    subject: 'telemetry',
    oathkeeper: 'Sends usage data to Ory unless disabled.',
    credence: 'No usage data is sent; the flags are accepted.',
    setting: '',
  },
  {
    q: 'P13',
    subject: 'telemetry',
    oathkeeper: 'Spans, log fields and the service name are Oathkeeper’s; the log is text.',
    credence: 'They are Credence’s, and the log is JSON by default. Traces reach Jaeger by OTLP.',
    setting: '',
  },
  {
    q: 'P14',
    subject: 'other services',
    oathkeeper: 'Responses may have any size and take any time.',
    credence: 'Both are limited; a service that exceeds a limit counts as unreachable.',
    setting: '',
  },
]
