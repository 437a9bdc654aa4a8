/** bench/groups/tokens — JWTs verified each time and remembered, and introspection remembered. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { checkFor, IDENTITY, rulesOf, USER_ID } from '../checks.ts'
import { compare, NOOP, type Row } from '../compare.ts'
import { startCredence } from '../servers.ts'
import type { Group } from './group.ts'

type Algorithm = 'RS256' | 'ES256'
/** Enough that a memory of one token never has the next one. */
const DISTINCT = 256

const PAIRS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
} as const

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function tokenOf(alg: Algorithm, key: KeyObject, nth: number): string {
  const claims = { sub: IDENTITY, jti: String(nth), exp: Math.floor(Date.now() / 1000) + 3_600, scope: 'a b' }
  const signed = `${encode({ alg, typ: 'JWT', kid: alg })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

const RULE = (handler: string) => ({
  authenticators: [{ handler }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'header' }],
})
const SHARED = {
  authorizers: { allow: { enabled: true } },
  mutators: { header: { enabled: true, config: { headers: USER_ID } } },
}
const bearing = (token: string) => checkFor(10, { authorization: `Bearer ${token}` }).toString('base64')

function jwt(alg: Algorithm, remembered: boolean): Row {
  const { privateKey, publicKey } = PAIRS[alg]
  const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: alg, use: 'sig', alg }] }
  const set = `inline://${Buffer.from(JSON.stringify(keys)).toString('base64')}`
  const tokens = Array.from({ length: remembered ? 1 : DISTINCT }, (_, i) => tokenOf(alg, privateKey, i))
  const config = {
    ...SHARED,
    authenticators: { jwt: { enabled: true, config: { jwks_urls: [set], allowed_algorithms: [alg] } } },
    ...(remembered ? {} : { sessions: { cache: { max_entries: 1 } } }),
  }
  return {
    name: `JWT ${alg}, ${remembered ? 'remembered' : 'verified each time'}`,
    start: () => startCredence({ rules: rulesOf(10, RULE('jwt')), config }),
    kind: { bodies: tokens.map(bearing), wanted: IDENTITY },
  }
}

const INTROSPECTION: Row = {
  name: 'introspection, remembered',
  start: kratos =>
    startCredence({
      rules: rulesOf(10, RULE('oauth2_introspection')),
      config: {
        ...SHARED,
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
  kind: { bodies: [bearing('an-opaque-token-of-some-length-0123456789')], wanted: IDENTITY },
}

export const tokens: Group = {
  about: 'JWT RS256 and ES256, verified each time and remembered; introspection remembered',
  run: effort =>
    compare(
      [NOOP, jwt('RS256', false), jwt('RS256', true), jwt('ES256', false), jwt('ES256', true), INTROSPECTION],
      effort,
    ),
}
