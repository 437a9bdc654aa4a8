/** demo/workload — a token issuer for the third play: one key made at the start, its public half as a key set. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export interface TokenIssuer {
  readonly jwks: { readonly keys: readonly object[] }
  /** A token for `subject`, good for ten minutes. */
  issueToken(subject: string): Promise<string>
}

export const ISSUER = 'https://issuer.example.com'
export const AUDIENCE = 'https://admin.example.com'

export async function createTokenIssuer(): Promise<TokenIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const key = { ...(await exportJWK(publicKey)), kid: 'demo', use: 'sig', alg: 'RS256' }
  return {
    jwks: { keys: [key] },
    issueToken: subject =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'RS256', kid: 'demo' })
        .setSubject(subject)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime('10m')
        .sign(privateKey),
  }
}
