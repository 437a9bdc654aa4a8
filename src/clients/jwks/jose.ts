/** clients/keys_jose — one signature with one key: which algorithms a key is for, verifying, signing. The only importer of jose. Knows no URL. */
import { CompactSign, compactVerify, importJWK, type JWK } from 'jose'
import { isRecord, type JsonRecord, member, parseJson } from '../../golang/index.ts'
import type { Key } from './document.ts'

interface Algorithm {
  readonly kty: Key['kty']
  /** Empty: the kind of key has no curve. */
  readonly crv: string
}

const algorithm = (kty: Key['kty'], crv = ''): Algorithm => ({ kty, crv })

/** `none` is not among them, so no key ever fits it. */
export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map(alg => [alg, algorithm('RSA')] as const),
  ['ES256', algorithm('EC', 'P-256')],
  ['ES384', algorithm('EC', 'P-384')],
  ['ES512', algorithm('EC', 'P-521')],
  ['EdDSA', algorithm('OKP', 'Ed25519')],
  ...['HS256', 'HS384', 'HS512'].map(alg => [alg, algorithm('oct')] as const),
])

/** Bytes of a shared secret; jose itself refuses RSA below 2048 bits (I8). */
const SHORTEST_SECRET = 32

/** Kind, curve and, where the key names one, the algorithm itself (C12). */
export function fits(key: Key, alg: string): boolean {
  const wanted = ALGORITHMS.get(alg)
  if (wanted === undefined || key.kty !== wanted.kty) return false
  if (wanted.crv !== '' && key.crv !== wanted.crv) return false
  if (key.kty === 'oct' && secretOf(key).length < SHORTEST_SECRET) return false
  return key.alg === '' || key.alg === alg || (alg === 'EdDSA' && key.alg === 'Ed25519')
}

const secretOf = (key: Key): Buffer => Buffer.from(member(key.jwk, 'k') as string, 'base64url')

type Imported = ReturnType<typeof importJWK>
/** Imported once for each algorithm and use; ends with the key. */
const imports = new WeakMap<Key, Map<string, Imported>>()

function imported(key: Key, alg: string, use: 'sign' | 'verify'): Imported {
  const known = imports.get(key) ?? new Map<string, Imported>()
  imports.set(key, known)
  let handle = known.get(`${use} ${alg}`)
  if (handle === undefined) {
    handle = importJWK(use === 'sign' ? { ...key.jwk } : numbersOf(key), alg)
    known.set(`${use} ${alg}`, handle)
  }
  return handle
}

/** Of a private key only the public half, and nothing but the numbers: `key_ops`, `x5c` and their like are not believed. */
function numbersOf(key: Key): JWK {
  if (key.public === undefined) return { kty: 'oct', k: member(key.jwk, 'k') as string }
  const { use: _use, kid: _kid, alg: _alg, ...numbers } = key.public
  return numbers as JWK
}

/** Whether the token was signed with this key. `key` must fit `alg`. A key that cannot be used verifies nothing. */
export async function isSignedBy(token: string, key: Key, alg: string): Promise<boolean> {
  try {
    await compactVerify(token, await imported(key, alg, 'verify'), { algorithms: [alg] })
    return true
  } catch {
    return false
  }
}

/** Rejects for a key that does not fit `alg` or is too weak; the error's text is not to be shown. */
export async function sign(claims: JsonRecord, key: Key, alg: string, kid: string): Promise<string> {
  const secret = await imported(key, alg, 'sign')
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg, typ: 'JWT', kid })
    .sign(secret)
}

/** A token that could be one: header and claims, read but not believed. */
export interface Opened {
  readonly alg: string
  readonly kid: string
  /** Frozen. */
  readonly claims: JsonRecord
}

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/
/** Members of a header that change what the rest means; we know none (RFC 7515 §4.1.11; `zip` and `enc` belong to JWE). */
const REFUSED = ['crit', 'zip', 'enc']
/** Types of tokens that are signed with the same keys and are no proof of access (RFC 8725 §3.11). */
const OTHER_TYPES =
  /^(?:application\/)?(?:logout|secevent|dpop|kb|oauth-authz-req|token-introspection|client-authentication|entity-statement|trust-mark)\+jwt$|^(?:application\/)?(?:dc|vc)\+sd-jwt$/i
/** Characters; a kid is a key of a map and nothing else (C14). */
const LONGEST_KID = 256

/** Steps 1 and 3 of spec 4.8; a text is why not. `jku`, `x5u`, `jwk` and `x5c` are never looked at (C14). */
export function openToken(token: string): Opened | string {
  if (!COMPACT.test(token)) return 'the token is not a JWT'
  const [first = '', second = ''] = token.split('.', 2)
  const header = decode(first)
  if (!isRecord(header)) return 'the header of the token cannot be read'
  const payload = decode(second)
  // `null` has no claims (spec 4.8).
  if (payload !== null && !isRecord(payload)) return 'the claims of the token cannot be read'
  if (REFUSED.some(name => Object.hasOwn(header, name))) return 'the token has a critical extension'
  if (Object.hasOwn(header, 'b64') && member(header, 'b64') !== true)
    return 'the token has a critical extension'
  const type = member(header, 'typ')
  if (type !== undefined && (typeof type !== 'string' || OTHER_TYPES.test(type)))
    return 'the token is of another type'
  const alg = member(header, 'alg')
  if (typeof alg !== 'string' || alg === '') return 'the token names no algorithm'
  const kid = member(header, 'kid')
  if (typeof kid !== 'string' || kid === '' || kid.length > LONGEST_KID) return 'the token names no key'
  return { alg, kid, claims: payload ?? {} }
}

const decode = (part: string) => parseJson(Buffer.from(part, 'base64url').toString('utf8'))
