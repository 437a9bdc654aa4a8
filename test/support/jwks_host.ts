/**
 * A host of one JWK set on loopback whose response the test can replace, and keys and tokens of every type.
 */
import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign as signBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type FakeHost, startHttpHost } from './http_host.ts'

export interface FakeJwksHost extends FakeHost {
  /** Number of requests. */
  callCount(): number
  /** Replaces the keys. */
  serve(keys: readonly object[]): void
  respondWith(answer: (response: ServerResponse) => void): void
}

export async function startJwksHost(keys: readonly object[]): Promise<FakeJwksHost> {
  let calls = 0
  const set = (list: readonly object[]) => (response: ServerResponse) =>
    response.end(JSON.stringify({ keys: list }))
  let answer: (response: ServerResponse) => void = set(keys)
  const host = await startHttpHost((_request, response) => {
    calls++
    answer(response)
  })
  return {
    ...host,
    callCount: () => calls,
    serve(list) {
      answer = set(list)
    },
    respondWith(next) {
      answer = next
    },
  }
}

export interface TestKey {
  readonly private: Readonly<Record<string, unknown>>
  readonly public: Readonly<Record<string, unknown>>
  readonly signingKey: KeyObject | Buffer
}

/** Generates a key. `members` such as `kid`, `use` and `alg` are added to both halves. */
export function testKey(kind: string, members: Readonly<Record<string, unknown>>): TestKey {
  if (kind === 'oct') {
    const handle = randomBytes(32)
    const jwk = { kty: 'oct', k: handle.toString('base64url'), ...members }
    return { private: jwk, public: jwk, signingKey: handle }
  }
  const pair =
    kind === 'RSA' || kind === 'RSA-1024'
      ? generateKeyPairSync('rsa', { modulusLength: kind === 'RSA' ? 2048 : 1024 })
      : kind === 'Ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: kind })
  return {
    private: { ...pair.privateKey.export({ format: 'jwk' }), ...members },
    public: { ...pair.publicKey.export({ format: 'jwk' }), ...members },
    signingKey: pair.privateKey,
  }
}

/**
 * Signs a token with exactly this header and these claims. `algorithm` defaults to the `alg` of the header.
 */
export const signTestToken = (
  header: object,
  claims: unknown,
  handle: KeyObject | Buffer,
  algorithm?: string,
): string =>
  signTestTokenText(
    JSON.stringify(header),
    JSON.stringify(claims),
    handle,
    algorithm ?? (header as { alg: string }).alg,
  )

/** Signs a token whose header and payload may be invalid JSON. */
export function signTestTokenText(
  header: string,
  payload: string,
  handle: KeyObject | Buffer,
  algorithm: string,
): string {
  const input = [header, payload].map(text => Buffer.from(text).toString('base64url')).join('.')
  return `${input}.${signature(input, handle, algorithm)}`
}

function signature(input: string, handle: KeyObject | Buffer, alg: string): string {
  const hash = `sha${alg.slice(2)}`
  if (alg.startsWith('HS')) return createHmac(hash, handle).update(input).digest('base64url')
  const key = handle as KeyObject
  const bytes = Buffer.from(input)
  if (alg === 'EdDSA') return signBytes(null, bytes, key).toString('base64url')
  const padding = { padding: 6, saltLength: Number(alg.slice(2)) / 8 }
  const options = alg.startsWith('PS') ? { key, ...padding } : { key, dsaEncoding: 'ieee-p1363' as const }
  return signBytes(hash, bytes, options).toString('base64url')
}
