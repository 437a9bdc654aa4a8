/** lib/template_library — which functions templates have, and which they do not and why. Knows nothing of access control. */
import type { Clock } from '../lib/time.ts'
import { BUILTINS } from './builtins.ts'
import { CRYPTO } from './sprig/crypto.ts'
import { dates } from './sprig/dates.ts'
import { LISTS } from './sprig/lists.ts'
import { NUMBERS } from './sprig/numbers.ts'
import { REGEXPS } from './sprig/regexp.ts'
import { SEMVER } from './sprig/semver.ts'
import { STRINGS } from './sprig/strings.ts'
import { URLS } from './sprig/urls.ts'
import { VALUES } from './sprig/values.ts'
import type { FunctionTable, GoFunction } from './values/signature.ts'

const KEYS = 'a template must not make keys, certificates or password hashes'
/** sprig's functions that a rule must not use, and why. */
export const NOT_AVAILABLE: ReadonlyMap<string, string> = new Map([
  ['env', 'a template must not read the environment of the service'],
  ['expandenv', 'a template must not read the environment of the service'],
  ['getHostByName', 'a template must not ask the network'],
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
  ].map(name => [name, KEYS] as const),
])

const FIXED: ReadonlyMap<string, GoFunction> = new Map(
  [BUILTINS, STRINGS, LISTS, VALUES, NUMBERS, CRYPTO, REGEXPS, SEMVER, URLS].flatMap(
    Object.entries<GoFunction>,
  ),
)
const TIMELESS = dates(undefined)

/** The functions by name; those that need the time ask the clock. */
export function lookupFunction(clock?: Pick<Clock, 'wall'>): (name: string) => GoFunction | undefined {
  let timed: FunctionTable | undefined
  return name => {
    if (!Object.hasOwn(TIMELESS, name)) return FIXED.get(name)
    timed ??= clock === undefined ? TIMELESS : dates(clock)
    return timed[name]
  }
}

/** Names of all functions that a template may call. */
export const functionNames = (): string[] => ['and', 'or', ...FIXED.keys(), ...Object.keys(TIMELESS)]
