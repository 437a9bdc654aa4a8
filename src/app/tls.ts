/** app_tls — certificates of our listeners: read at start, read again when their files change. Knows settings and files, no protocol. */
import { readFile } from 'node:fs/promises'
import type { Diagnostic } from '../documents/issue.ts'
import { type TlsIdentity, type TlsMaterial, tlsMaterialProblem } from '../http/tls.ts'
import { watchFiles } from '../rules/repositories/watch.ts'
import type { Config } from './config.ts'
import { StartupError } from './startup_error.ts'

export interface ListenerTls extends TlsIdentity {
  close(): void
}

/** What came of files that have changed; `refused` says why the former certificate stays in force. */
export type CertificateRenewal =
  | { readonly outcome: 'renewed' }
  | { readonly outcome: 'refused'; readonly why: string }

type MaterialKind = 'key' | 'cert' | 'client_ca'
/** Whose clients may have to show a certificate as well: the api has keys and networks for its own. */
const MATERIAL_BY_LISTENER = { grpc: ['key', 'cert', 'client_ca'], api: ['key', 'cert'] } as const

/** `undefined` where neither key nor certificate is set. Rejects with `StartFault` for what cannot be used. */
export async function openListenerTls(
  config: Config,
  server: 'api' | 'grpc',
  onRenewal: (renewal: CertificateRenewal) => void,
): Promise<ListenerTls | undefined> {
  const section = `serve.${server}.tls`
  const sources = MATERIAL_BY_LISTENER[server].flatMap(part => materialSource(config, section, part) ?? [])
  if (sources.length === 0) return undefined
  const has = (part: MaterialKind) => sources.some(one => one.kind === part)
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
    if ('path' in next) return onRenewal({ outcome: 'refused', why: `${next.path} ${next.message}` })
    if (sameMaterial(current, next)) return
    current = next
    for (const notify of subscribers) notify(next)
    onRenewal({ outcome: 'renewed' })
  }
  const watcher = watchFiles(
    sources.flatMap(one => one.file ?? []),
    renew,
  )
  // Written anew between reading and watching: read once more.
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
  /** The setting, for people. */
  readonly settingPath: string
  readonly file?: string
  readonly base64?: string
}

/** As Oathkeeper, a path counts before base64. */
function materialSource(config: Config, section: string, kind: MaterialKind): MaterialSource | undefined {
  const file = config.text(`${section}.${kind}.path`)
  if (file !== undefined && file !== '') return { kind, settingPath: `${section}.${kind}.path`, file }
  const base64 = kind === 'client_ca' ? undefined : config.text(`${section}.${kind}.base64`)
  return base64 === undefined || base64 === ''
    ? undefined
    : { kind, settingPath: `${section}.${kind}.base64`, base64 }
}

/** An issue names setting and file, never what is in it. */
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
