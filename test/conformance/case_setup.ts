/** Writes the files of a case and the options to start the service with them. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { engineEnv } from '../support/engine.ts'
import type { Case } from './case.ts'
import { type Jwk, jwkOf } from './keys.ts'
import { parseJson } from './matches.ts'

export interface CaseSetup {
  readonly configFile: string
  readonly env: NodeJS.ProcessEnv
  readonly keys: readonly Jwk[]
  readonly repository: string | undefined
  write(name: string, text: string): void
  configText(config: unknown, repository: string | undefined): string
}

/** Writes configuration, rules, keys and files of a case to `dir`. */
export function setUpCase(
  testCase: Case,
  dir: string,
  resolvePlaceholders: (text: string) => string,
): CaseSetup {
  const write = (name: string, text: string): void => {
    const file = join(dir, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }
  const keys: Jwk[] = []
  for (const [name, entries] of Object.entries(testCase.keys ?? {})) {
    const set = entries.map(jwkOf)
    keys.push(...set)
    write(name, JSON.stringify({ keys: set }))
  }
  for (const [name, text] of Object.entries(testCase.files ?? {})) {
    write(name, resolvePlaceholders(text))
    const set = parseJson(text) as { keys?: Jwk[] } | undefined
    if (/jwks/.test(name)) keys.push(...(set?.keys ?? []))
  }
  const rules = resolvePlaceholders(testCase.rulesText ?? JSON.stringify(testCase.rules ?? []))
  let repository: string | undefined
  if (testCase.mount === 'inline') repository = `inline://${Buffer.from(rules).toString('base64')}`
  else if (testCase.mount !== 'none') {
    write('rules.json', rules)
    repository = `file://${join(dir, 'rules.json')}`
  }
  write(
    'config.yaml',
    configText(
      testCase.configText === undefined ? testCase.config : resolvePlaceholders(testCase.configText),
      repository,
    ),
  )
  const env = Object.fromEntries(
    Object.entries(testCase.env ?? {}).map(([name, value]) => [name, resolvePlaceholders(value)]),
  )
  return {
    configFile: join(dir, 'config.yaml'),
    env,
    keys,
    repository,
    write,
    configText: (c, r) => configText(typeof c === 'string' ? resolvePlaceholders(c) : c, r),
  }

  /** Uses free ports, and adds the repository unless the configuration has its own. */
  function configText(config: unknown, added: string | undefined): string {
    const document =
      typeof config === 'string'
        ? parseJson(config)
        : parseJson(resolvePlaceholders(JSON.stringify(config ?? {})))
    if (typeof document !== 'object' || document === null) {
      const text = String(config)
      if (/^\s*[[{]/.test(text)) return text
      const serve = /^serve:/m.test(text) ? '' : `\nserve: ${JSON.stringify(withPorts({}))}\n`
      return `${text}${serve}${added === undefined ? '' : `\naccess_rules: {repositories: [${JSON.stringify(added)}]}\n`}`
    }
    const { serve, access_rules: access, ...rest } = document as Record<string, Record<string, unknown>>
    const repositories = added === undefined ? {} : { repositories: [added] }
    return JSON.stringify(
      { ...rest, serve: withPorts(serve ?? {}), access_rules: { ...access, ...repositories } },
      null,
      1,
    )
  }
}

function withPorts(serve: Readonly<Record<string, unknown>>): object {
  const at = (name: string) => ({ ...(serve[name] as object | undefined), host: '127.0.0.1', port: 0 })
  return { ...serve, grpc: at('grpc'), api: at('api'), proxy: at('proxy'), prometheus: at('prometheus') }
}

/** Options of an instance that runs a case and logs only fatal errors. */
export const appOptions = ({ configFile, env }: CaseSetup) => ({
  configFiles: [configFile],
  flags: new Map(),
  env: { ...engineEnv, ...env, LOG_LEVEL: 'fatal' },
})
