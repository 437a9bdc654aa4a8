/** config/demands — what a setting's value must be beyond its type. Knows values, no file. */
import { compileNetworks } from '../http/networks.ts'

/** Of one setting that is set. */
export interface SettingConstraint {
  readonly path: string
  readonly holds: (value: unknown) => boolean
  readonly message: string
  readonly hint: string
}

const SEMVER = /^v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/
/** Milliseconds; more often would be a load on others for nothing. */
const MIN_POLL_INTERVAL_MS = 1_000

/** Of Standard Webhooks (F14); any other key is a text. */
const isSigningKey = (key: string): boolean =>
  !key.startsWith('whsec_') || /^whsec_[A-Za-z0-9+/_-]{22,}={0,2}$/.test(key)

export const SETTING_CONSTRAINTS: readonly SettingConstraint[] = [
  {
    path: 'version',
    holds: value => SEMVER.test(value as string),
    message: 'must be a full semantic version with a leading v',
    hint: 'e.g. v0.40.9',
  },
  {
    path: 'access_rules.poll_interval',
    holds: value => value === 0 || (value as number) >= MIN_POLL_INTERVAL_MS,
    message: 'must be 1s at least',
    hint: '0s switches polling off',
  },
  {
    path: 'sessions.revocation.keys',
    holds: value => (value as readonly string[]).every(key => key.length >= 16),
    message: 'must have 16 characters at least, each of them',
    hint: 'leave them out to close the endpoint',
  },
  {
    path: 'sessions.revocation.keys',
    holds: value => (value as readonly string[]).every(isSigningKey),
    message: 'must be base64 of 16 bytes at least after whsec_',
    hint: 'what is no base64 would be left out, down to a signature by no key at all',
  },
  {
    path: 'sessions.kratos_public.urls',
    holds: value =>
      (value as readonly string[]).every(url => /^https?:$/.test(URL.parse(url)?.protocol ?? '')),
    message: 'must be a list of URLs',
    hint: 'write e.g. https://auth.example.com, the base_url of serve.public in kratos.yml',
  },
  {
    path: 'serve.api.trusted_proxies',
    holds: value => compileNetworks(value as readonly string[]) !== undefined,
    message: 'must be a list of networks',
    hint: 'write e.g. 10.0.0.0/8',
  },
]
