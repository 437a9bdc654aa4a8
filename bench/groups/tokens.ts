/** Measures JWTs with and without the cache of verified tokens, and cached introspection. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { NOOP } from '../cases.ts'
import type { BenchmarkCase } from '../compare.ts'
import { encodeCheck, IDENTITY_ID, sessionRules, USER_ID } from '../rules_and_checks.ts'
import { startCredenceServer } from '../servers.ts'
import { compare } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

type Algorithm = 'RS256' | 'ES256'
/** Together with a cache of one entry, so that every token is a miss. */
const DISTINCT_TOKENS = 256

const KEY_PAIRS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
} as const

const base64UrlJson = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function signToken(alg: Algorithm, key: KeyObject, nth: number): string {
  const claims = {
    sub: IDENTITY_ID,
    jti: String(nth),
    exp: Math.floor(Date.now() / 1000) + 3_600,
    scope: 'a b',
  }
  const signed = `${base64UrlJson({ alg, typ: 'JWT', kid: alg })}.${base64UrlJson(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

const ruleWith = (handler: string) => ({
  authenticators: [{ handler }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'header' }],
})
const BASE_CONFIG = {
  authorizers: { allow: { enabled: true } },
  mutators: { header: { enabled: true, config: { headers: USER_ID } } },
}
const checkWithToken = (token: string) =>
  encodeCheck(10, { authorization: `Bearer ${token}` }).toString('base64')

function jwtCase(alg: Algorithm, cached: boolean): BenchmarkCase {
  const { privateKey, publicKey } = KEY_PAIRS[alg]
  const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: alg, use: 'sig', alg }] }
  const keySetUrl = `inline://${Buffer.from(JSON.stringify(keys)).toString('base64')}`
  const tokens = Array.from({ length: cached ? 1 : DISTINCT_TOKENS }, (_, i) => signToken(alg, privateKey, i))
  const config = {
    ...BASE_CONFIG,
    authenticators: { jwt: { enabled: true, config: { jwks_urls: [keySetUrl], allowed_algorithms: [alg] } } },
    ...(cached ? {} : { sessions: { cache: { max_entries: 1 } } }),
  }
  return {
    name: `JWT ${alg}, ${cached ? 'cached' : 'verified each time'}`,
    start: () => startCredenceServer({ rules: sessionRules(10, ruleWith('jwt')), config }),
    workload: { messages: tokens.map(checkWithToken), expected: IDENTITY_ID },
  }
}

const INTROSPECTION: BenchmarkCase = {
  name: 'introspection, cached',
  start: kratos =>
    startCredenceServer({
      rules: sessionRules(10, ruleWith('oauth2_introspection')),
      config: {
        ...BASE_CONFIG,
        authenticators: {
          oauth2_introspection: {
            enabled: true,
            config: {
              introspection_url: kratos.introspection,
              scope_strategy: 'none',
              cache: { enabled: true, ttl: '1m' },
            },
          },
        },
      },
    }),
  workload: {
    messages: [checkWithToken('an-opaque-token-of-some-length-0123456789')],
    expected: IDENTITY_ID,
  },
}

export const tokens: BenchmarkGroup = {
  description: 'JWT RS256 and ES256, verified each time and cached; cached introspection',
  run: options =>
    compare(
      {
        benchmarks: [
          NOOP,
          jwtCase('RS256', false),
          jwtCase('RS256', true),
          jwtCase('ES256', false),
          jwtCase('ES256', true),
          INTROSPECTION,
        ],
      },
      options,
    ),
}
