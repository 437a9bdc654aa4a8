/** Creates a temporary certificate authority and certificates with openssl. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The reason to skip tests with certificates; false if openssl is available. */
export const skipWithoutOpenssl: string | false = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'openssl is not installed'
  }
})()

export interface CertificateAuthority {
  /** Path of a PEM file: `ca.pem`, `NAME.pem` or `NAME.key`. */
  file(name: string): string
  read(name: string): Buffer
  /** Writes `NAME.pem` and `NAME.key`. `alternatives`: subject alternative names, for a server. */
  issue(name: string, subject: string, alternatives?: string): void
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']

/** Writes into `folder`, which the caller creates and removes. */
export function createCertificateAuthority(folder: string): CertificateAuthority {
  const file = (name: string): string => join(folder, name)
  const createCertificate = (name: string, subject: string, more: readonly string[]): void => {
    const out = ['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', subject]
    execFileSync('openssl', ['req', '-x509', ...NEW_KEY, ...out, ...more], { stdio: 'ignore', cwd: folder })
  }
  createCertificate('ca', '/CN=throw-away authority', [])
  return {
    file,
    read: name => readFileSync(file(name)),
    issue(name, subject, alternatives) {
      const names = alternatives === undefined ? [] : ['-addext', `subjectAltName=${alternatives}`]
      createCertificate(name, subject, ['-CA', 'ca.pem', '-CAkey', 'ca.key', ...names])
    },
  }
}
