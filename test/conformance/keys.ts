/** Generates JWK sets and tokens for cases, and verifies signatures with Node's crypto only. */
import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import type { CaseRequest, KeyEntry } from './case.ts'

/** A JSON Web Key as data (RFC 7517). */
export type Jwk = Readonly<Record<string, unknown>>

const keyPairs = new Map<string, Jwk>()

function generate(gen: KeyEntry['gen']): Jwk {
  switch (gen) {
    case 'rsa2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }) as Jwk
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }) as Jwk
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) as Jwk
    case 'oct32':
      return { kty: 'oct', k: randomBytes(32).toString('base64url') }
  }
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi']

/** Entries with the same `gen` share one key pair, so that a public and a private entry belong together. */
export function jwkOf({ gen, private: isPrivate, ...members }: KeyEntry): Jwk {
  const pair = keyPairs.get(gen) ?? generate(gen)
  keyPairs.set(gen, pair)
  const visibleMembers = Object.entries(pair).filter(
    ([name]) => isPrivate || pair.kty === 'oct' || !PRIVATE_MEMBERS.includes(name),
  )
  return { ...Object.fromEntries(visibleMembers), ...members }
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Signs an RS256 token with the private key of that `kid`. */
export function mintToken(
  { key, kid, claims }: NonNullable<CaseRequest['mint']>,
  keys: readonly Jwk[],
): string {
  const exp = Math.floor(Date.now() / 1000) + 3600
  const data = `${encode({ alg: 'RS256', kid, typ: 'JWT' })}.${encode({ exp, ...claims })}`
  const jwk = keys.find(one => one.kid === key)
  const signature = sign('sha256', Buffer.from(data), createPrivateKey({ key: jwk ?? {}, format: 'jwk' }))
  return `${data}.${signature.toString('base64url')}`
}

/** Whether one of the keys verifies the token. */
export function hasValidSignature(token: string, keys: readonly Jwk[]): boolean {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const data = Buffer.from(`${header}.${payload}`)
  const bytes = Buffer.from(signature, 'base64url')
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string }
  return keys.some(key => {
    try {
      return verifySignature(alg, data, bytes, key)
    } catch {
      return false
    }
  })
}

function verifySignature(alg: string, data: Buffer, signature: Buffer, jwk: Jwk): boolean {
  const digest = `sha${alg.slice(2)}`
  if (alg.startsWith('HS')) {
    const secret = Buffer.from(String(jwk.k), 'base64url')
    return jwk.kty === 'oct' && createHmac(digest, secret).update(data).digest().equals(signature)
  }
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  if (alg === 'EdDSA') return verify(null, data, key, signature)
  if (alg.startsWith('ES')) return verify(digest, data, { key, dsaEncoding: 'ieee-p1363' }, signature)
  if (!alg.startsWith('PS')) return verify(digest, data, key, signature)
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
  return verify(digest, data, { key, ...padding }, signature)
}
