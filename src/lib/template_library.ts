/** lib/template_library — which functions templates have, and which they do not and why. Knows nothing of access control. */
import type { Clock } from './duration.ts'
import { BUILTINS } from './template_functions.ts'
import type { GoFunction } from './template_signature.ts'

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

const FIXED: ReadonlyMap<string, GoFunction> = new Map([...Object.entries(BUILTINS)])

/** The functions by name, those that need the time included. */
export function lookupFunction(_clock?: Pick<Clock, 'wall'>): (name: string) => GoFunction | undefined {
  return name => FIXED.get(name)
}

export const functionNames = (): string[] => ['and', 'or', ...FIXED.keys()]
