/** app_tls — certificates of our listeners: read at start, read again when their files change. Knows settings and files, no protocol. */
import { readFile } from 'node:fs/promises'
import type { Issue } from '../documents/issue.ts'
import { materialFault, type TlsIdentity, type TlsMaterial } from '../http/tls.ts'
import { watchFiles } from '../rules/repositories/watch.ts'
import type { Config } from './config.ts'
import { StartFault } from './startup_error.ts'

export interface OpenTls extends TlsIdentity {
  close(): void
}

/** What came of files that have changed; `refused` says why the former certificate stays in force. */
export type Renewal = { readonly outcome: 'renewed' } | { readonly outcome: 'refused'; readonly why: string }

type Part = 'key' | 'cert' | 'client_ca'
/** Whose clients may have to show a certificate as well: the api has keys and networks for its own. */
const PARTS = { grpc: ['key', 'cert', 'client_ca'], api: ['key', 'cert'] } as const

/** `undefined` where neither key nor certificate is set. Rejects with `StartFault` for what cannot be used. */
export async function openTls(
  config: Config,
  server: 'api' | 'grpc',
  renewed: (renewal: Renewal) => void,
): Promise<OpenTls | undefined> {
  const at = `serve.${server}.tls`
  const sources = PARTS[server].flatMap(part => sourceOf(config, at, part) ?? [])
  if (sources.length === 0) return undefined
  const has = (part: Part) => sources.some(one => one.part === part)
  if (!has('key') || !has('cert')) {
    const message = `${at} needs both a key and a certificate`
    throw new StartFault(message, [])
  }
  const read = await material(sources)
  if ('path' in read) throw new StartFault('a certificate cannot be used', [read])
  let current = read
  const users: ((material: TlsMaterial) => void)[] = []
  const renew = async (): Promise<void> => {
    const next = await material(sources)
    if ('path' in next) return renewed({ outcome: 'refused', why: `${next.path} ${next.message}` })
    if (same(current, next)) return
    current = next
    for (const use of users) use(next)
    renewed({ outcome: 'renewed' })
  }
  const watch = watchFiles(
    sources.flatMap(one => one.file ?? []),
    renew,
  )
  // Written anew between reading and watching: read once more.
  await watch.looked
  await renew()
  return {
    get material() {
      return current
    },
    onRenewed: use => void users.push(use),
    close: () => watch.close(),
  }
}

interface Source {
  readonly part: Part
  /** The setting, for people. */
  readonly path: string
  readonly file?: string
  readonly base64?: string
}

/** As Oathkeeper, a path counts before base64. */
function sourceOf(config: Config, at: string, part: Part): Source | undefined {
  const file = config.text(`${at}.${part}.path`)
  if (file !== undefined && file !== '') return { part, path: `${at}.${part}.path`, file }
  const base64 = part === 'client_ca' ? undefined : config.text(`${at}.${part}.base64`)
  return base64 === undefined || base64 === '' ? undefined : { part, path: `${at}.${part}.base64`, base64 }
}

/** An issue names setting and file, never what is in it. */
async function material(sources: readonly Source[]): Promise<TlsMaterial | Issue> {
  const read = new Map<Part, Buffer>()
  for (const { part, path, file, base64 = '' } of sources) {
    try {
      read.set(part, file === undefined ? Buffer.from(base64, 'base64') : await readFile(file))
    } catch (error) {
      const { code = 'unknown reason' } = error as NodeJS.ErrnoException
      return issue(file ?? '', path, `cannot be read (${code})`)
    }
  }
  const ca = read.get('client_ca')
  const whole = {
    key: read.get('key') as Buffer,
    cert: read.get('cert') as Buffer,
    ...(ca === undefined ? {} : { ca }),
  }
  const fault = materialFault(whole)
  const [{ path, file = '' }] = sources as [Source]
  return fault === undefined
    ? whole
    : issue(file, path.replace(/\.[a-z_]+\.[a-z0-9]+$/, ''), `cannot be used: ${fault}`)
}

const issue = (source: string, path: string, message: string): Issue => ({
  severity: 'error',
  source,
  line: 0,
  column: 0,
  path,
  message,
  hint: '',
})

const same = (a: TlsMaterial, b: TlsMaterial): boolean =>
  a.key.equals(b.key) && a.cert.equals(b.cert) && (a.ca ?? NONE).equals(b.ca ?? NONE)
const NONE = Buffer.alloc(0)
