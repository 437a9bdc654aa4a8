/** Signs and verifies JWTs with one key through jose, and decides which algorithms a key supports. */
import type { importJWK, JWK } from 'jose'
import { isRecord, type JsonRecord, ownMember, parseJson } from '../../golang/index.ts'
import type { ParsedJwk } from './document.ts'

interface KeyRequirement {
  readonly kty: ParsedJwk['kty']
  /** Empty: the key type has no curve. */
  readonly crv: string
}

const keyRequirement = (kty: ParsedJwk['kty'], crv = ''): KeyRequirement => ({ kty, crv })

/** Supported algorithms. `none` is missing, so no key supports it. */
export const ALGORITHMS: ReadonlyMap<string, KeyRequirement> = new Map([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map(alg => [alg, keyRequirement('RSA')] as const),
  ['ES256', keyRequirement('EC', 'P-256')],
  ['ES384', keyRequirement('EC', 'P-384')],
  ['ES512', keyRequirement('EC', 'P-521')],
  ['EdDSA', keyRequirement('OKP', 'Ed25519')],
  ...['HS256', 'HS384', 'HS512'].map(alg => [alg, keyRequirement('oct')] as const),
])

/** RFC 7518 §3.2 requires it for HS256. jose itself rejects RSA keys below 2,048 bits. */
const MIN_SECRET_BYTES = 32

/**
 * Whether type, curve and, if the key has one, the `alg` of the key match `alg`. Prevents algorithm confusion
 * (RFC 8725 §3.1).
 */
export function supportsAlgorithm(key: ParsedJwk, alg: string): boolean {
  const requirement = ALGORITHMS.get(alg)
  if (requirement === undefined || key.kty !== requirement.kty) return false
  if (requirement.crv !== '' && key.crv !== requirement.crv) return false
  if (key.kty === 'oct' && secretBytes(key).length < MIN_SECRET_BYTES) return false
  return key.alg === '' || key.alg === alg || (alg === 'EdDSA' && key.alg === 'Ed25519')
}

const secretBytes = (key: ParsedJwk): Buffer => Buffer.from(ownMember(key.jwk, 'k') as string, 'base64url')

/** Loads jose, which only tokens need. Call it when rules load, so that no request waits for it. */
export const loadJose = () => import('jose')

type ImportedKey = ReturnType<typeof importJWK>
/** Imported once for each use and algorithm. The entries end with their key. */
const importedKeys = new WeakMap<ParsedJwk, Map<string, ImportedKey>>()

function importKeyOnce(key: ParsedJwk, alg: string, use: 'sign' | 'verify'): ImportedKey {
  const byUse = importedKeys.get(key) ?? new Map<string, ImportedKey>()
  importedKeys.set(key, byUse)
  let handle = byUse.get(`${use} ${alg}`)
  if (handle === undefined) {
    handle = loadJose().then(jose =>
      jose.importJWK(use === 'sign' ? { ...key.jwk } : publicParameters(key), alg),
    )
    byUse.set(`${use} ${alg}`, handle)
  }
  return handle
}

/**
 * The key material of the public half only. Members such as `key_ops` and `x5c` must not influence
 * verification.
 */
function publicParameters(key: ParsedJwk): JWK {
  if (key.publicJwk === undefined) return { kty: 'oct', k: ownMember(key.jwk, 'k') as string }
  const { use: _use, kid: _kid, alg: _alg, ...numbers } = key.publicJwk
  return numbers as JWK
}

/**
 * Whether the token was signed with this key. `key` must support `alg`. Resolves to `false` for a key that
 * cannot be imported.
 */
export async function verifySignature(token: string, key: ParsedJwk, alg: string): Promise<boolean> {
  try {
    const { compactVerify } = await loadJose()
    await compactVerify(token, await importKeyOnce(key, alg, 'verify'), { algorithms: [alg] })
    return true
  } catch {
    return false
  }
}

/**
 * Rejects for a key that does not support `alg` or is too weak. The text of the error may reveal key
 * material.
 */
export async function signJwt(claims: JsonRecord, key: ParsedJwk, alg: string, kid: string): Promise<string> {
  const secret = await importKeyOnce(key, alg, 'sign')
  const { CompactSign } = await loadJose()
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg, typ: 'JWT', kid })
    .sign(secret)
}

/** Header and claims of a token whose signature has not been verified. */
export interface DecodedToken {
  readonly alg: string
  readonly kid: string
  /** Frozen. */
  readonly claims: JsonRecord
}

const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/
/**
 * Header members that change how a token is processed. None is supported (RFC 7515 §4.1.11); `zip` and `enc`
 * belong to JWE.
 */
const REJECTED_HEADER_MEMBERS = ['crit', 'zip', 'enc']
/** Types of tokens that providers sign with the same keys and that must not grant access (RFC 8725 §3.11). */
const OTHER_TOKEN_TYPES =
  /^(?:application\/)?(?:logout|secevent|dpop|kb|oauth-authz-req|token-introspection|client-authentication|entity-statement|trust-mark)\+jwt$|^(?:application\/)?(?:dc|vc)\+sd-jwt$/i
/** A kid is used as the key of a map only. */
const MAX_KID_CHARS = 256

/**
 * Decodes a compact JWS without verifying it. Returns the reason as text if the token is unacceptable. `jku`,
 * `x5u`, `jwk` and `x5c` are ignored, so that a token cannot choose its own key.
 */
export function decodeToken(token: string): DecodedToken | string {
  if (!COMPACT_JWS.test(token)) return 'the token is not a JWT'
  const [encodedHeader = '', encodedPayload = ''] = token.split('.', 2)
  const header = decodePart(encodedHeader)
  if (!isRecord(header)) return 'the header of the token is malformed'
  const payload = decodePart(encodedPayload)
  // Oathkeeper accepts the payload `null` as a token without claims.
  if (payload !== null && !isRecord(payload)) return 'the claims of the token are malformed'
  if (REJECTED_HEADER_MEMBERS.some(name => Object.hasOwn(header, name)))
    return 'the token has a critical extension'
  if (Object.hasOwn(header, 'b64') && ownMember(header, 'b64') !== true)
    return 'the token has a critical extension'
  const type = ownMember(header, 'typ')
  if (type !== undefined && (typeof type !== 'string' || OTHER_TOKEN_TYPES.test(type)))
    return 'the token is of another type'
  const alg = ownMember(header, 'alg')
  if (typeof alg !== 'string' || alg === '') return 'the token has no algorithm'
  const kid = ownMember(header, 'kid')
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_CHARS)
    return 'the token has no usable kid'
  return { alg, kid, claims: payload ?? {} }
}

const decodePart = (part: string) => parseJson(Buffer.from(part, 'base64url').toString('utf8'))
