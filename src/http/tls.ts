/** The certificate of a listener, which can be renewed while the listener is in use. */
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'

export interface TlsIdentity {
  /**
   * The certificate in force. With `ca`, clients must present a certificate that one of these authorities
   * signed.
   */
  readonly material: TlsMaterial
  /** Calls `use` with each later certificate. */
  onRenewal(use: (material: TlsMaterial) => void): void
}

/** PEM files. */
export interface TlsMaterial {
  readonly key: Buffer
  readonly cert: Buffer
  readonly ca?: Buffer
}

/**
 * OpenSSL's message for material that a listener cannot use; `undefined` where it can. The message quotes no
 * content.
 */
export function tlsMaterialProblem(material: TlsMaterial): string | undefined {
  try {
    createSecureContext(secureContextOptions(material))
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Requires TLS 1.2, which is the highest version that Envoy's client uses by default. */
export const secureContextOptions = (material: TlsMaterial): SecureContextOptions => ({
  ...material,
  minVersion: 'TLSv1.2',
})

/** A stop waits for open connections. A client that does not complete its handshake must not delay it. */
const HANDSHAKE_TIMEOUT_MS = 5_000

/**
 * Options of a TLS server with this certificate. With `ca`, it rejects clients without a valid certificate.
 */
export const tlsServerOptions = (material: TlsMaterial): TlsOptions => ({
  ...secureContextOptions(material),
  handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  requestCert: material.ca !== undefined,
  rejectUnauthorized: material.ca !== undefined,
})
