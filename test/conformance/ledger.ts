/** test/conformance/ledger — every case in which we differ from Oathkeeper on purpose beyond what the case itself allows. Data; docs/differences.md is printed from it. */

export interface RecordedDifference {
  /** Ids of cases, exactly. */
  readonly cases: readonly string[]
  readonly q: string
  readonly behavior: string
  readonly reason: string
  /** The setting that brings Oathkeeper's way back; empty where that is not safe or makes no sense. */
  readonly setting: string
}

export const LEDGER: readonly RecordedDifference[] = [
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
    reason: 'RFC 7617 asks for it; an unquoted realm with a blank is not a challenge that clients can read.',
    setting: '',
  },
  {
    cases: ['errors.json/json-verbose-badregex'],
    q: 'Q-04',
    behavior:
      'A pattern that does not compile refuses the rule set (503 until there is a usable one) instead of answering 500 to some requests.',
    reason: 'The fault is found at load, with file and line, and the rules that worked before stay in force.',
    setting: '',
  },
  {
    cases: ['rules.load/bad-upstream'],
    q: 'Q-01',
    behavior: '`upstream.url` is not checked, so a rule with a bad one is listed by `/rules`.',
    reason: 'Envoy does the proxying; both grant the request.',
    setting: '',
  },
  {
    cases: ['errors.when/remote-ip-table-19'],
    q: 'Q-33',
    behavior: 'A `remote_ip` condition beside an `error` that does not fit does not make the handler answer.',
    reason:
      'All parts of one entry must hold (documented, and so in code); the recorded expectation looked at the address alone.',
    setting: '',
  },
  {
    cases: [
      'config.validate/config-yaml-enabled-on-is-a-string',
      'config.validate/config-yaml-enabled-yes-is-a-string',
    ],
    q: 'Q-16',
    behavior: '`on`, `off`, `yes` and `no` are booleans in the configuration where a boolean is wanted.',
    reason: 'Rule files have always read them so; a configuration that says `enabled: yes` means it.',
    setting: '',
  },
  {
    cases: ['errors.when/when-remote-ip-global'],
    q: 'Q-33',
    behavior: '`request.remote_ip` is accepted and works.',
    reason: 'The documentation of Oathkeeper promises it; only its schema refuses it.',
    setting: '',
  },
  {
    cases: ['mutate.header/header-no-cfg-global-disabled-req'],
    q: 'Q-93',
    behavior:
      'A handler whose required keys are brought by every rule need not have them in the configuration.',
    reason: 'What a rule uses is the merged configuration, and that is what is checked.',
    setting: '',
  },
  {
    cases: ['reload.config/enabling-a-handler-revives-a-rule-that-was-invalid-at-load-rules-still-hides-it'],
    q: 'Q-01',
    behavior:
      'Rules are compiled anew with every change of the configuration, so a rule that became valid is listed at once.',
    reason: 'A list that hides a rule in force misleads whoever reads it.',
    setting: '',
  },
  {
    cases: ['config.validate/id-token-validate-0'],
    q: 'Q-93',
    behavior:
      'An enabled handler whose required keys are missing does not stop the start when no rule uses it.',
    reason: 'What a rule uses is the merged configuration, and that is what is checked.',
    setting: '',
  },
  {
    cases: ['authn.jwt/crit-header-and-at-jwt-typ-ignored'],
    q: 'C12',
    behavior: 'A token with a `crit` header that is not understood is refused with 401.',
    reason: 'RFC 7515 §4.1.11 demands it: the issuer has said that it must not be accepted without.',
    setting: '',
  },
  {
    cases: ['errors.redirect/testerrorredirect-10'],
    q: 'D9',
    behavior:
      'A redirect that leads a GET back to the very address it asks for is not sent; the refusal is answered as JSON, with its own status.',
    reason:
      'The browser would go round until it gives up; a login page that is itself protected is found at once.',
    setting: '',
  },
  {
    cases: ['authz.remote/remote-302'],
    q: 'Q-45',
    behavior: 'Redirects of other services are not followed; a 3xx of a remote authorizer is 500.',
    reason: 'A redirect to a page that answers 200 would authorize everybody.',
    setting: '',
  },
  {
    cases: ['mutate.hydrator/header-from-api'],
    q: 'Q-85',
    behavior: 'Header names in the answer of a hydrator may be written in any case.',
    reason: 'Oathkeeper loses the value of a header that is not written in canonical form.',
    setting: '',
  },
  {
    cases: ['config.validate/id-token-cache-key'],
    q: 'Q-98',
    behavior: '`mutators.id_token.config.cache` is accepted and works as documented.',
    reason: 'The documentation of Oathkeeper promises it; only its schema refuses it.',
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
      'The label `request` of Oathkeeper’s two metrics is `/decisions` for every decision, or empty with `hide_request_paths`; `collapse_request_paths: false` has no effect.',
    reason:
      'Oathkeeper labels by what the decision API was asked at, and decisions are asked for at one place here. The path of a user’s request has as many values as an attacker likes, and may hold a secret.',
    setting: '',
  },
]
