/** Certificates of the gRPC and the api listener: settings, loading at startup and when their files change. */
import { readFile } from 'node:fs/promises'
import { type SettingOptions, type SettingValues, setting } from '../config/setting.ts'
import { text } from '../config/value_types.ts'
import type { Diagnostic } from '../documents/diagnostic.ts'
import { type TlsIdentity, type TlsMaterial, tlsMaterialProblem } from '../http/tls.ts'
import { watchFiles } from '../rules/repositories/file_watcher.ts'
import { StartupError } from './startup_error.ts'

function tlsSettings(section: string, shared: Pick<SettingOptions, 'credenceOnly'>) {
  return {
    keyPath: setting(`${section}.key.path`, text(), {
      description: 'File of the private key, PEM. The listener uses TLS if a key and a certificate are set.',
      ...shared,
    }),
    keyBase64: setting(`${section}.key.base64`, text(), {
      description: 'The private key itself: PEM in base64.',
      secret: true,
      ...shared,
    }),
    certPath: setting(`${section}.cert.path`, text(), {
      description:
        'File of the certificate and its intermediates, PEM. Key and certificate files are reloaded when they change.',
      ...shared,
    }),
    certBase64: setting(`${section}.cert.base64`, text(), {
      description: 'The certificate itself: PEM in base64.',
      ...shared,
    }),
  }
}

export const grpcTlsSettings = {
  ...tlsSettings('serve.grpc.tls', { credenceOnly: true }),
  clientCaPath: setting('serve.grpc.tls.client_ca.path', text(), {
    description:
      'File of the CAs that sign client certificates, PEM. If set, clients must present one (mutual TLS).',
    credenceOnly: true,
  }),
}

export const apiTlsSettings = tlsSettings('serve.api.tls', {})

export interface ListenerTls extends TlsIdentity {
  close(): void
}

/** The result of reloading changed files. If they are `rejected`, the previous certificate stays in use. */
export type CertificateRenewal =
  | { readonly outcome: 'renewed' }
  | { readonly outcome: 'rejected'; readonly reason: string }

type MaterialKind = 'key' | 'cert' | 'client_ca'

/**
 * `undefined` where neither key nor certificate is set. Rejects with `StartupError` for material that cannot be used.
 * Only the gRPC listener can demand client certificates: the api authenticates callers by keys and networks.
 */
export async function openListenerTls(
  settings: SettingValues,
  server: 'api' | 'grpc',
  onRenewal: (renewal: CertificateRenewal) => void,
): Promise<ListenerTls | undefined> {
  const section = `serve.${server}.tls`
  const sources = materialSources(settings, server)
  if (sources.length === 0) return undefined
  const has = (kind: MaterialKind) => sources.some(one => one.kind === kind)
  if (!has('key') || !has('cert')) {
    const message = `${section} needs both a key and a certificate`
    throw new StartupError(message, [])
  }
  const loaded = await loadMaterial(sources)
  if ('path' in loaded) throw new StartupError('a certificate cannot be used', [loaded])
  let current = loaded
  const subscribers: ((material: TlsMaterial) => void)[] = []
  const renew = async (): Promise<void> => {
    const next = await loadMaterial(sources)
    if ('path' in next) return onRenewal({ outcome: 'rejected', reason: `${next.path} ${next.message}` })
    if (sameMaterial(current, next)) return
    current = next
    for (const notify of subscribers) notify(next)
    onRenewal({ outcome: 'renewed' })
  }
  const watcher = watchFiles(
    sources.flatMap(one => one.file ?? []),
    renew,
  )
  // The files may have changed between reading and watching.
  await watcher.ready
  await renew()
  return {
    get material() {
      return current
    },
    onRenewal: use => void subscribers.push(use),
    close: () => watcher.close(),
  }
}

interface MaterialSource {
  readonly kind: MaterialKind
  /** The setting, for diagnostics. */
  readonly settingPath: string
  readonly file?: string
  readonly base64?: string
}

function materialSources(settings: SettingValues, server: 'api' | 'grpc'): readonly MaterialSource[] {
  const { keyPath, keyBase64, certPath, certBase64 } = server === 'grpc' ? grpcTlsSettings : apiTlsSettings
  const [keyFile, certFile] = [settings.get(keyPath), settings.get(certPath)]
  const [key, cert] = [settings.get(keyBase64), settings.get(certBase64)]
  const ca = server === 'grpc' ? settings.get(grpcTlsSettings.clientCaPath) : undefined
  const sources: MaterialSource[] = []
  // A path takes precedence over base64, as in Oathkeeper.
  if (keyFile) sources.push({ kind: 'key', settingPath: keyPath.path, file: keyFile })
  else if (key) sources.push({ kind: 'key', settingPath: keyBase64.path, base64: key })
  if (certFile) sources.push({ kind: 'cert', settingPath: certPath.path, file: certFile })
  else if (cert) sources.push({ kind: 'cert', settingPath: certBase64.path, base64: cert })
  if (ca) sources.push({ kind: 'client_ca', settingPath: grpcTlsSettings.clientCaPath.path, file: ca })
  return sources
}

/** A diagnostic names the setting and the file, never the content. */
async function loadMaterial(sources: readonly MaterialSource[]): Promise<TlsMaterial | Diagnostic> {
  const read = new Map<MaterialKind, Buffer>()
  for (const { kind, settingPath, file, base64 = '' } of sources) {
    try {
      read.set(kind, file === undefined ? Buffer.from(base64, 'base64') : await readFile(file))
    } catch (error) {
      const { code = 'unknown reason' } = error as NodeJS.ErrnoException
      return materialDiagnostic(file ?? '', settingPath, `cannot be read (${code})`)
    }
  }
  const ca = read.get('client_ca')
  const loaded = {
    key: read.get('key') as Buffer,
    cert: read.get('cert') as Buffer,
    ...(ca === undefined ? {} : { ca }),
  }
  const fault = tlsMaterialProblem(loaded)
  const [{ settingPath: path, file = '' }] = sources as [MaterialSource]
  return fault === undefined
    ? loaded
    : materialDiagnostic(file, path.replace(/\.[a-z_]+\.[a-z0-9]+$/, ''), `cannot be used: ${fault}`)
}

const materialDiagnostic = (source: string, path: string, message: string): Diagnostic => ({
  severity: 'error',
  source,
  line: 0,
  column: 0,
  path,
  message,
  hint: '',
})

const sameMaterial = (a: TlsMaterial, b: TlsMaterial): boolean =>
  a.key.equals(b.key) && a.cert.equals(b.cert) && (a.ca ?? EMPTY).equals(b.ca ?? EMPTY)
const EMPTY = Buffer.alloc(0)
