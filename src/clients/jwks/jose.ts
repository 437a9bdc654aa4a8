/** clients/keys_jose — one signature with one key: which algorithms a key is for, verifying, signing. The only importer of jose. Knows no URL. */
import { CompactSign, compactVerify, importJWK, type JWK } from 'jose'
import { isRecord, type JsonRecord, member, parseJson } from '../../golang/index.ts'
import type { ParsedJwk } from './document.ts'

interface KeyRequirement {
  readonly kty: ParsedJwk['kty']
  /** Empty: the kind of key has no curve. */
  readonly crv: string
}

const keyRequirement = (kty: ParsedJwk['kty'], crv = ''): KeyRequirement => ({ kty, crv })

/** `none` is not among them, so no key ever fits it. */
export const ALGORITHMS: ReadonlyMap<string, KeyRequirement> = new Map([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map(alg => [alg, keyRequirement('RSA')] as const),
  ['ES256', keyRequirement('EC', 'P-256')],
  ['ES384', keyRequirement('EC', 'P-384')],
  ['ES512', keyRequirement('EC', 'P-521')],
  ['EdDSA', keyRequirement('OKP', 'Ed25519')],
  ...['HS256', 'HS384', 'HS512'].map(alg => [alg, keyRequirement('oct')] as const),
])

/** Bytes of a shared secret; jose itself refuses RSA below 2048 bits (I8). */
const MIN_SECRET_BYTES = 32

/** Kind, curve and, where the key names one, the algorithm itself (C12). */
export function supportsAlgorithm(key: ParsedJwk, alg: string): boolean {
  const requirement = ALGORITHMS.get(alg)
  if (requirement === undefined || key.kty !== requirement.kty) return false
  if (requirement.crv !== '' && key.crv !== requirement.crv) return false
  if (key.kty === 'oct' && secretBytes(key).length < MIN_SECRET_BYTES) return false
  return key.alg === '' || key.alg === alg || (alg === 'EdDSA' && key.alg === 'Ed25519')
}

const secretBytes = (key: ParsedJwk): Buffer => Buffer.from(member(key.jwk, 'k') as string, 'base64url')

type ImportedKey = ReturnType<typeof importJWK>
/** Imported once for each algorithm and use; ends with the key. */
const importedKeys = new WeakMap<ParsedJwk, Map<string, ImportedKey>>()

function importKeyOnce(key: ParsedJwk, alg: string, use: 'sign' | 'verify'): ImportedKey {
  const byUse = importedKeys.get(key) ?? new Map<string, ImportedKey>()
  importedKeys.set(key, byUse)
  let handle = byUse.get(`${use} ${alg}`)
  if (handle === undefined) {
    handle = importJWK(use === 'sign' ? { ...key.jwk } : publicParameters(key), alg)
    byUse.set(`${use} ${alg}`, handle)
  }
  return handle
}

/** Of a private key only the public half, and nothing but the numbers: `key_ops`, `x5c` and their like are not believed. */
function publicParameters(key: ParsedJwk): JWK {
  if (key.publicJwk === undefined) return { kty: 'oct', k: member(key.jwk, 'k') as string }
  const { use: _use, kid: _kid, alg: _alg, ...numbers } = key.publicJwk
  return numbers as JWK
}

/** Whether the token was signed with this key. `key` must fit `alg`. A key that cannot be used verifies nothing. */
export async function verifySignature(token: string, key: ParsedJwk, alg: string): Promise<boolean> {
  try {
    await compactVerify(token, await importKeyOnce(key, alg, 'verify'), { algorithms: [alg] })
    return true
  } catch {
    return false
  }
}

/** Rejects for a key that does not fit `alg` or is too weak; the error's text is not to be shown. */
export async function signJwt(claims: JsonRecord, key: ParsedJwk, alg: string, kid: string): Promise<string> {
  const secret = await importKeyOnce(key, alg, 'sign')
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg, typ: 'JWT', kid })
    .sign(secret)
}

/** A token that could be one: header and claims, read but not believed. */
export interface DecodedToken {
  readonly alg: string
  readonly kid: string
  /** Frozen. */
  readonly claims: JsonRecord
}

const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/
/** Members of a header that change what the rest means; we know none (RFC 7515 §4.1.11; `zip` and `enc` belong to JWE). */
const REJECTED_HEADER_MEMBERS = ['crit', 'zip', 'enc']
/** Types of tokens that are signed with the same keys and are no proof of access (RFC 8725 §3.11). */
const OTHER_TOKEN_TYPES =
  /^(?:application\/)?(?:logout|secevent|dpop|kb|oauth-authz-req|token-introspection|client-authentication|entity-statement|trust-mark)\+jwt$|^(?:application\/)?(?:dc|vc)\+sd-jwt$/i
/** Characters; a kid is a key of a map and nothing else (C14). */
const MAX_KID_CHARS = 256

/** Steps 1 and 3 of spec 4.8; a text is why not. `jku`, `x5u`, `jwk` and `x5c` are never looked at (C14). */
export function decodeToken(token: string): DecodedToken | string {
  if (!COMPACT_JWS.test(token)) return 'the token is not a JWT'
  const [encodedHeader = '', encodedPayload = ''] = token.split('.', 2)
  const header = decodePart(encodedHeader)
  if (!isRecord(header)) return 'the header of the token cannot be read'
  const payload = decodePart(encodedPayload)
  // `null` has no claims (spec 4.8).
  if (payload !== null && !isRecord(payload)) return 'the claims of the token cannot be read'
  if (REJECTED_HEADER_MEMBERS.some(name => Object.hasOwn(header, name)))
    return 'the token has a critical extension'
  if (Object.hasOwn(header, 'b64') && member(header, 'b64') !== true)
    return 'the token has a critical extension'
  const type = member(header, 'typ')
  if (type !== undefined && (typeof type !== 'string' || OTHER_TOKEN_TYPES.test(type)))
    return 'the token is of another type'
  const alg = member(header, 'alg')
  if (typeof alg !== 'string' || alg === '') return 'the token names no algorithm'
  const kid = member(header, 'kid')
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_CHARS) return 'the token names no key'
  return { alg, kid, claims: payload ?? {} }
}

const decodePart = (part: string) => parseJson(Buffer.from(part, 'base64url').toString('utf8'))
