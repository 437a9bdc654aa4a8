/** Starts or joins the Kratos of the demo and the tests (a running one, a binary or the stand-in) and creates users in it. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Configuration, FrontendApi, IdentityApi } from '@ory/client'
import { type Ports, replacePorts } from './ports.ts'
import { type ManagedProcess, type ProcessManager, waitForStatus } from './processes.ts'

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..')

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
  /** Which Kratos this is, for a line of output. */
  readonly description: string
  /** The same for a page, which shows no path of the machine. */
  readonly pageDescription: string
  /** Without a trailing slash. */
  readonly publicUrl: string
  readonly adminUrl: string
  readonly identities: IdentityApi
  readonly frontend: FrontendApi
  /** `undefined` when Kratos was already running. */
  readonly process: ManagedProcess | undefined
  createUser(email?: string): Promise<User>
  /** Deletes the created users from a Kratos that was already running. The `ProcessManager` stops a started one. */
  close(): Promise<void>
}

/** Returns the choice of scripts/kratos.js, so that the demo, the tests and the benchmark choose the same Kratos. */
export function chooseKratos(): KratosChoice {
  return JSON.parse(
    execFileSync(process.execPath, [join(projectRoot, 'scripts', 'kratos.js')], { encoding: 'utf8' }),
  )
}

/** Resolves when Kratos is ready. `folder` receives kratos.yml and the log; `edit` changes kratos.yml before the start. */
export async function startKratos(
  choice: KratosChoice,
  launchOptions: { readonly ports: Ports; readonly processes: ProcessManager; readonly folder: string },
  edit: (kratosYml: string) => string = text => text,
): Promise<Kratos> {
  if (choice.kind === 'running') {
    const urls = [choice.publicUrl, choice.adminUrl].map(url => url.replace(/\/$/, ''))
    const description = `the Kratos that was already running at ${urls[0]}`
    return connectKratos(choice.kind, urls[0] as string, urls[1] as string, description, undefined)
  }
  const file = await writeKratosYml(launchOptions, edit)
  const kratosProcess =
    choice.kind === 'binary'
      ? launchOptions.processes.start('kratos', choice.path, ['serve', '--dev', '--sqa-opt-out', '-c', file])
      : launchOptions.processes.start('kratos', process.execPath, [
          join(projectRoot, 'demo', 'kratos_standin', 'main.ts'),
          file,
        ])
  const publicUrl = `http://127.0.0.1:${launchOptions.ports.kratosPublic}`
  const adminUrl = `http://127.0.0.1:${launchOptions.ports.kratosAdmin}`
  await waitForStatus(kratosProcess, `${publicUrl}/health/ready`)
  await waitForStatus(kratosProcess, `${adminUrl}/admin/health/ready`)
  const description =
    choice.kind === 'binary'
      ? `a real Kratos (${choice.path})`
      : `the STAND-IN, which is not Ory Kratos (${choice.why})`
  return connectKratos(choice.kind, publicUrl, adminUrl, description, kratosProcess)
}

/** Writes demo/kratos/kratos.yml with the chosen ports into the folder; resolves to its path. */
export async function writeKratosYml(
  launchOptions: { readonly ports: Ports; readonly folder: string },
  edit: (kratosYml: string) => string,
): Promise<string> {
  const schema = pathToFileURL(join(projectRoot, 'demo', 'kratos', 'identity.schema.json'))
  const template = await readFile(join(projectRoot, 'demo', 'kratos', 'kratos.yml'), 'utf8')
  const file = join(launchOptions.folder, 'kratos.yml')
  const text = replacePorts(template, launchOptions.ports).replace(
    'file://demo/kratos/identity.schema.json',
    schema.href,
  )
  writeFileSync(file, edit(text))
  return file
}

function connectKratos(
  kind: KratosChoice['kind'],
  publicUrl: string,
  adminUrl: string,
  description: string,
  kratosProcess: ManagedProcess | undefined,
): Kratos {
  const identities = new IdentityApi(new Configuration({ basePath: adminUrl }))
  const createdIds: string[] = []
  return {
    kind,
    description,
    pageDescription: kind === 'stand-in' ? 'the stand-in, which is not Ory Kratos' : 'Ory Kratos',
    publicUrl,
    adminUrl,
    identities,
    frontend: new FrontendApi(new Configuration({ basePath: publicUrl })),
    process: kratosProcess,
    async createUser(email = `user-${randomBytes(5).toString('hex')}@example.com`) {
      const password = `demo-${randomBytes(6).toString('base64url')}`
      const schemas = kratosProcess === undefined ? (await identities.listIdentitySchemas()).data : []
      const { data } = await identities.createIdentity({
        createIdentityBody: {
          schema_id: schemas[0]?.id ?? 'users',
          traits: { email },
          credentials: { password: { config: { password } } },
        },
      })
      createdIds.push(data.id)
      return { id: data.id, email, password }
    },
    async close() {
      if (kratosProcess !== undefined) return
      for (const id of createdIds) await identities.deleteIdentity({ id }).catch(() => undefined)
    },
  }
}
