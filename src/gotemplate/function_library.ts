/** The functions that templates may call, and the reasons why others are not available. */
import type { Clock } from '../lib/time.ts'
import { BUILTINS } from './builtins.ts'
import { CRYPTO_FUNCTIONS } from './sprig/crypto.ts'
import { createDateFunctions } from './sprig/dates.ts'
import { LIST_FUNCTIONS } from './sprig/lists.ts'
import { NUMBER_FUNCTIONS } from './sprig/numbers.ts'
import { REGEXP_FUNCTIONS } from './sprig/regexp.ts'
import { SEMVER_FUNCTIONS } from './sprig/semver.ts'
import { STRING_FUNCTIONS } from './sprig/strings.ts'
import { URL_FUNCTIONS } from './sprig/urls.ts'
import { VALUE_FUNCTIONS } from './sprig/values.ts'
import type { FunctionTable, GoFunction } from './values/signature.ts'

const NO_KEYS = 'a template must not create keys, certificates or password hashes'
/** Functions of sprig that a template must not call, with the reason. */
export const UNAVAILABLE_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['env', 'a template must not read the environment of the service'],
  ['expandenv', 'a template must not read the environment of the service'],
  ['getHostByName', 'a template must not access the network'],
  ...[
    'bcrypt',
    'buildCustomCert',
    'derivePassword',
    'genCA',
    'genCAWithKey',
    'genPrivateKey',
    'genSelfSignedCert',
    'genSelfSignedCertWithKey',
    'genSignedCert',
    'genSignedCertWithKey',
    'htpasswd',
  ].map(name => [name, NO_KEYS] as const),
])

const PURE_FUNCTIONS: ReadonlyMap<string, GoFunction> = new Map(
  [
    BUILTINS,
    STRING_FUNCTIONS,
    LIST_FUNCTIONS,
    VALUE_FUNCTIONS,
    NUMBER_FUNCTIONS,
    CRYPTO_FUNCTIONS,
    REGEXP_FUNCTIONS,
    SEMVER_FUNCTIONS,
    URL_FUNCTIONS,
  ].flatMap(Object.entries<GoFunction>),
)
const DATE_FUNCTIONS_WITHOUT_CLOCK = createDateFunctions(undefined)

/** Returns a lookup by name; functions of the current time read `clock`, and fail without it. */
export function createFunctionLookup(clock?: Pick<Clock, 'wall'>): (name: string) => GoFunction | undefined {
  let dateFunctionsWithClock: FunctionTable | undefined
  return name => {
    if (!Object.hasOwn(DATE_FUNCTIONS_WITHOUT_CLOCK, name)) return PURE_FUNCTIONS.get(name)
    dateFunctionsWithClock ??= clock === undefined ? DATE_FUNCTIONS_WITHOUT_CLOCK : createDateFunctions(clock)
    return dateFunctionsWithClock[name]
  }
}

/** Names of all available functions. */
export const functionNames = (): string[] => [
  'and',
  'or',
  ...PURE_FUNCTIONS.keys(),
  ...Object.keys(DATE_FUNCTIONS_WITHOUT_CLOCK),
]
