/** config/demands — what a setting's value must be beyond its type. Knows values, no file. */
import { compileCidrs } from '../http/networks.ts'

/** Of one setting that is set. */
export interface Demand {
  readonly path: string
  readonly met: (value: unknown) => boolean
  readonly message: string
  readonly hint: string
}

const SEMVER = /^v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/
/** Milliseconds; more often would be a load on others for nothing. */
const SHORTEST_POLL = 1_000

/** Of Standard Webhooks (F14); any other key is a text. */
const isSigningKey = (key: string): boolean =>
  !key.startsWith('whsec_') || /^whsec_[A-Za-z0-9+/_-]{22,}={0,2}$/.test(key)

export const DEMANDS: readonly Demand[] = [
  {
    path: 'version',
    met: value => SEMVER.test(value as string),
    message: 'must be a full semantic version with a leading v',
    hint: 'e.g. v0.40.9',
  },
  {
    path: 'access_rules.poll_interval',
    met: value => value === 0 || (value as number) >= SHORTEST_POLL,
    message: 'must be 1s at least',
    hint: '0s switches polling off',
  },
  {
    path: 'sessions.revocation.keys',
    met: value => (value as readonly string[]).every(key => key.length >= 16),
    message: 'must have 16 characters at least, each of them',
    hint: 'leave them out to close the endpoint',
  },
  {
    path: 'sessions.revocation.keys',
    met: value => (value as readonly string[]).every(isSigningKey),
    message: 'must be base64 of 16 bytes at least after whsec_',
    hint: 'what is no base64 would be left out, down to a signature by no key at all',
  },
  {
    path: 'sessions.kratos_public.urls',
    met: value => (value as readonly string[]).every(url => /^https?:$/.test(URL.parse(url)?.protocol ?? '')),
    message: 'must be a list of URLs',
    hint: 'write e.g. https://auth.example.com, the base_url of serve.public in kratos.yml',
  },
  {
    path: 'serve.api.trusted_proxies',
    met: value => compileCidrs(value as readonly string[]) !== undefined,
    message: 'must be a list of networks',
    hint: 'write e.g. 10.0.0.0/8',
  },
]
