/** lib/tls_identity — the certificate with which a listener shows itself, renewed while it is in use. Knows no file. */
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'

export interface TlsIdentity {
  /** In force now; with `ca`, clients must show a certificate of one of these authorities. */
  readonly material: TlsMaterial
  /** Calls back with each later one. */
  onRenewal(use: (material: TlsMaterial) => void): void
}

/** PEM. */
export interface TlsMaterial {
  readonly key: Buffer
  readonly cert: Buffer
  readonly ca?: Buffer
}

/** Why a listener could not use it, in OpenSSL's words, which name no content; `undefined` for none. */
export function tlsMaterialProblem(material: TlsMaterial): string | undefined {
  try {
    createSecureContext(secureContextOptions(material))
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** TLS 1.2 at least: Envoy as a client stops there unless it is told otherwise. */
export const secureContextOptions = (material: TlsMaterial): SecureContextOptions => ({
  ...material,
  minVersion: 'TLSv1.2',
})

/** ms; a stop waits for connections, and one that never says who it is must not hold it up. */
const HANDSHAKE_TIMEOUT_MS = 5_000

/** For a listener: its own certificate, and what it wants from clients. */
export const tlsServerOptions = (material: TlsMaterial): TlsOptions => ({
  ...secureContextOptions(material),
  handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  requestCert: material.ca !== undefined,
  rejectUnauthorized: material.ca !== undefined,
})
