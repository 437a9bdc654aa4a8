/** demo/kratos — the Kratos that demo and tests talk to: a running one, a real binary, or the stand-in; with a user in it. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Configuration, FrontendApi, IdentityApi } from '@ory/client'
import { type Ports, withPorts } from './ports.ts'
import { type Processes, type Running, untilAnswering } from './processes.ts'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

export type KratosChoice =
  | { readonly kind: 'running'; readonly publicUrl: string; readonly adminUrl: string }
  | { readonly kind: 'binary'; readonly path: string }
  | { readonly kind: 'stand-in'; readonly why: string }

export interface User {
  readonly id: string
  readonly email: string
  readonly password: string
}

export interface Kratos {
  readonly kind: KratosChoice['kind']
  /** One sentence: which Kratos this is. */
  readonly description: string
  /** No final slash. */
  readonly publicUrl: string
  readonly adminUrl: string
  readonly identities: IdentityApi
  readonly frontend: FrontendApi
  /** Its process; undefined when it was running before. */
  readonly process: Running | undefined
  createUser(email?: string): Promise<User>
  /** Removes the users that were made in a Kratos of somebody's own. Its process belongs to `Processes`. */
  close(): Promise<void>
}

/** scripts/kratos.js decides, so that every command decides alike. */
export function chooseKratos(): KratosChoice {
  return JSON.parse(
    execFileSync(process.execPath, [join(root, 'scripts', 'kratos.js')], { encoding: 'utf8' }),
  )
}

/** Starts (or joins) it and waits until it is ready. `folder` takes kratos.yml and the log. */
export async function startKratos(
  choice: KratosChoice,
  parts: { readonly ports: Ports; readonly processes: Processes; readonly folder: string },
  edit: (kratosYml: string) => string = text => text,
): Promise<Kratos> {
  if (choice.kind === 'running') {
    const urls = [choice.publicUrl, choice.adminUrl].map(url => url.replace(/\/$/, ''))
    const description = `the Kratos that was already running at ${urls[0]}`
    return connect(choice.kind, urls[0] as string, urls[1] as string, description, undefined)
  }
  const file = await writeKratosYml(parts, edit)
  const started =
    choice.kind === 'binary'
      ? parts.processes.start('kratos', choice.path, ['serve', '--dev', '--sqa-opt-out', '-c', file])
      : parts.processes.start('kratos', process.execPath, [join(root, 'demo', 'kratos', 'main.ts'), file])
  const publicUrl = `http://127.0.0.1:${parts.ports.kratosPublic}`
  const adminUrl = `http://127.0.0.1:${parts.ports.kratosAdmin}`
  await untilAnswering(started, `${publicUrl}/health/ready`)
  await untilAnswering(started, `${adminUrl}/admin/health/ready`)
  const description =
    choice.kind === 'binary'
      ? `a real Kratos (${choice.path})`
      : `the STAND-IN, which is not Ory Kratos (${choice.why})`
  return connect(choice.kind, publicUrl, adminUrl, description, started)
}

/** demo/kratos/kratos.yml with today's ports, in the folder. */
export async function writeKratosYml(
  parts: { readonly ports: Ports; readonly folder: string },
  edit: (kratosYml: string) => string,
): Promise<string> {
  const schema = pathToFileURL(join(root, 'demo', 'kratos', 'identity.schema.json'))
  const template = await readFile(join(root, 'demo', 'kratos', 'kratos.yml'), 'utf8')
  const file = join(parts.folder, 'kratos.yml')
  const named = withPorts(template, parts.ports).replace(
    'file://demo/kratos/identity.schema.json',
    schema.href,
  )
  writeFileSync(file, edit(named))
  return file
}

function connect(
  kind: KratosChoice['kind'],
  publicUrl: string,
  adminUrl: string,
  description: string,
  started: Running | undefined,
): Kratos {
  const identities = new IdentityApi(new Configuration({ basePath: adminUrl }))
  const made: string[] = []
  return {
    kind,
    description,
    publicUrl,
    adminUrl,
    identities,
    frontend: new FrontendApi(new Configuration({ basePath: publicUrl })),
    process: started,
    async createUser(email = `user-${randomBytes(5).toString('hex')}@example.com`) {
      const password = `demo-${randomBytes(6).toString('base64url')}`
      const schemas = started === undefined ? (await identities.listIdentitySchemas()).data : []
      const { data } = await identities.createIdentity({
        createIdentityBody: {
          schema_id: schemas[0]?.id ?? 'users',
          traits: { email },
          credentials: { password: { config: { password } } },
        },
      })
      made.push(data.id)
      return { id: data.id, email, password }
    },
    async close() {
      if (started !== undefined) return
      for (const id of made) await identities.deleteIdentity({ id }).catch(() => undefined)
    },
  }
}
