/** A token issuer for the third tutorial rule: it generates a key at start and publishes the public half as a key set. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export interface TokenIssuer {
  readonly jwks: { readonly keys: readonly object[] }
  /** Resolves to a token for `subject` that is valid for ten minutes. */
  issueToken(subject: string): Promise<string>
}

const ISSUER = 'https://issuer.example.com'
const AUDIENCE = 'https://admin.example.com'

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
