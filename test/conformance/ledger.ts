/** Recorded cases that Credence does not meet on purpose, beyond the alternatives of the case. Data of docs/differences.md. */
export interface RecordedDifference {
  /** Exact ids of the cases. */
  readonly cases: readonly string[]
  readonly q: string
  readonly behavior: string
  readonly reason: string
  /** The setting that restores Oathkeeper's behaviour; empty if that is unsafe or pointless. */
  readonly setting: string
}

export const LEDGER: readonly RecordedDifference[] = [
  {
    cases: [
      'match.regexp/basic-3',
      'match.regexp/direct-3',
      'match.regexp/named-1',
      'match.regexp/optional-trailing-2',
      'match.regexp/trailing-1',
    ],
    q: 'Q-19',
    behavior: 'A trailing slash counts: it is matched, captured and shown to templates.',
    reason:
      'Envoy forwards the path with its slash. Without it, `/admin/` would miss the rule for `/admin/<.*>` and reach the application under another rule. Oathkeeper drops the slash since v26.2.0.',
    setting: '`paths: oathkeeper`',
  },
  {
    cases: [
      'errors.www_authenticate/testerrorwwwauthenticate-0',
      'errors.www_authenticate/testerrorwwwauthenticate-1',
      'errors.www_authenticate/www-realm-quote',
      'decision/should-fail-when-authorizer-fails-and-send-www-authenticate-as-defined-in-the-rule-regexp',
      'decision/should-fail-when-authorizer-fails-and-send-www-authenticate-as-defined-in-the-rule-glob',
    ],
    q: 'Q-39',
    behavior: 'The realm of `www_authenticate` is a quoted string.',
    reason: 'RFC 7617 requires it; clients cannot parse an unquoted realm with a blank.',
    setting: '',
  },
  {
    cases: ['errors.json/json-verbose-badregex'],
    q: 'Q-04',
    behavior:
      'A pattern that does not compile rejects the rule set (503 until there is a usable one) instead of answering 500 to some requests.',
    reason: 'The error is found at load, with file and line, and the previous rules stay in force.',
    setting: '',
  },
  {
    cases: ['rules.load/bad-upstream'],
    q: 'Q-01',
    behavior: '`upstream.url` is not checked, so a rule with a bad one is listed by `/rules`.',
    reason: 'Envoy does the proxying. Both services allow the request.',
    setting: '',
  },
  {
    cases: ['rules.load/noop-config-junk'],
    q: 'Q-94',
    behavior: '`/rules` shows names and texts of an unknown key in a handler configuration as `REDACTED`.',
    reason: 'No schema says that they are public.',
    setting: '',
  },
  {
    cases: ['errors.when/remote-ip-table-19'],
    q: 'Q-33',
    behavior:
      'A `remote_ip` condition next to an `error` condition that does not match does not select the handler.',
    reason:
      'All conditions of one entry must match, as documented and implemented. The recorded expectation considers the address only.',
    setting: '',
  },
  {
    cases: [
      'config.validate/config-yaml-enabled-on-is-a-string',
      'config.validate/config-yaml-enabled-yes-is-a-string',
    ],
    q: 'Q-16',
    behavior: '`on`, `off`, `yes` and `no` are booleans in the configuration where a boolean is expected.',
    reason: 'They are booleans in rule files as well, and `enabled: yes` is meant as one.',
    setting: '',
  },
  {
    cases: ['errors.when/when-remote-ip-global'],
    q: 'Q-33',
    behavior: '`request.remote_ip` is accepted and works.',
    reason: 'Oathkeeper documents it; only its schema rejects it.',
    setting: '',
  },
  {
    cases: ['mutate.header/header-no-cfg-global-disabled-req'],
    q: 'Q-93',
    behavior: 'A handler needs no required keys in the configuration if every rule provides them.',
    reason: 'What a rule uses is the merged configuration, and that is what is checked.',
    setting: '',
  },
  {
    cases: ['reload.config/enabling-a-handler-revives-a-rule-that-was-invalid-at-load-rules-still-hides-it'],
    q: 'Q-01',
    behavior:
      'Rules are compiled again with every change of the configuration, so a rule that became valid is listed at once.',
    reason: 'A list that omits a rule in force is misleading.',
    setting: '',
  },
  {
    cases: ['config.validate/id-token-validate-0'],
    q: 'Q-93',
    behavior: 'An enabled handler with missing required keys does not prevent the start if no rule uses it.',
    reason: 'What a rule uses is the merged configuration, and that is what is checked.',
    setting: '',
  },
  {
    cases: ['authn.jwt/crit-header-and-at-jwt-typ-ignored'],
    q: 'C12',
    behavior: 'A token with an unknown `crit` header is rejected with 401.',
    reason:
      'RFC 7515, section 4.1.11 requires it: the issuer forbids accepting such a token without the extension.',
    setting: '',
  },
  {
    cases: ['errors.redirect/testerrorredirect-10'],
    q: 'D9',
    behavior:
      'A redirect that leads a GET request back to its own URL is not sent. The denial is answered as JSON with its own status.',
    reason: 'The browser would loop until it gives up. A protected login page is found at once.',
    setting: '',
  },
  {
    cases: ['authz.remote/remote-302'],
    q: 'Q-45',
    behavior: 'Redirects of other services are not followed; a 3xx of a remote authorizer is 500.',
    reason: 'A redirect to a page that answers 200 would authorize every request.',
    setting: '',
  },
  {
    cases: [
      'authz.keto_engine_acp_ory/keto-ok',
      'authz.keto_engine_acp_ory/private-address-forwarded',
      'authz.keto_engine_acp_ory/private-address-forwarded-and-real',
    ],
    q: 'Q-71',
    behavior: '`keto_engine_acp_ory` sends the address that the gateway states, and no forwarded one.',
    reason: 'A client could choose the address that a policy of Keto judges.',
    setting: '`respect_forwarded_for_header: true`',
  },
  {
    cases: ['mutate.hydrator/default'],
    q: 'Q-85',
    behavior: 'Headers in the response of a hydrator that its key `headers` does not list are dropped.',
    reason: 'Clients could send a header that Credence does not know of through another rule.',
    setting: '`any_header: true`',
  },
  {
    cases: ['config.validate/id-token-cache-key'],
    q: 'Q-98',
    behavior: '`mutators.id_token.config.cache` is accepted and works as documented.',
    reason: 'Oathkeeper documents it; only its schema rejects it.',
    setting: '',
  },
  {
    cases: [
      'metrics/first-segment-of',
      'metrics/first-segment-of-test',
      'metrics/first-segment-of-test-path',
      'metrics/not-collapsed-paths',
    ],
    q: 'Q-96',
    behavior:
      'The label `request` of Oathkeeper’s two metrics is `/decisions` for every decision, or empty with `hide_request_paths`. `collapse_request_paths: false` has no effect.',
    reason:
      'Oathkeeper uses the path of the decision API. The path of the client’s request would have unbounded values and may contain secrets.',
    setting: '',
  },
]
