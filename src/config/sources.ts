/** Reads the files that a configuration consists of: configuration files and files with secrets. */
import type { Diagnostic } from '../documents/diagnostic.ts'
import { readTextFile } from '../documents/text_file.ts'
import type { ValueProblem } from './setting.ts'

/** What a configuration is made from; later sources override earlier ones. */
export interface ConfigSources {
  /** In order; later ones override. */
  readonly files: readonly ConfigFile[]
  readonly env: NodeJS.ProcessEnv
  /** Text by setting path. */
  readonly flags: ReadonlyMap<string, string>
  /** What the files contain that `…_FILE` variables name, by variable in upper case. */
  readonly secretFiles?: ReadonlyMap<string, SecretFile>
}

export interface ConfigFile {
  readonly source: string
  readonly text: string
}

export type SecretFile = { readonly text: string } | ValueProblem

/** What the command line and the environment name, before any file is read. */
export interface SourceNames {
  readonly configFiles: readonly string[]
  readonly flags: ReadonlyMap<string, string>
  readonly env: NodeJS.ProcessEnv
}

/** Reads all files. `unreadable` names the configuration files that cannot be read; they are missing in `sources`. */
export async function readConfigSources(
  { configFiles, flags, env }: SourceNames,
  fileVariables: ReadonlySet<string>,
): Promise<{ readonly sources: ConfigSources; readonly unreadable: readonly Diagnostic[] }> {
  const read = await Promise.all(configFiles.map(readConfigFile))
  return {
    sources: {
      files: read.flatMap(file => ('text' in file ? [file] : [])),
      env,
      flags,
      secretFiles: await readSecretFiles(env, fileVariables),
    },
    unreadable: read.flatMap(file => ('text' in file ? [] : [file.issue])),
  }
}

async function readConfigFile(source: string): Promise<ConfigFile | { readonly issue: Diagnostic }> {
  const read = await readTextFile(source)
  if ('text' in read) return { source, text: read.text }
  return {
    issue: { severity: 'error', source, line: 0, column: 0, path: '', message: read.reason, hint: read.hint },
  }
}

async function readSecretFiles(
  env: NodeJS.ProcessEnv,
  fileVariables: ReadonlySet<string>,
): Promise<ReadonlyMap<string, SecretFile>> {
  const named = Object.entries(env).flatMap(([name, file]) =>
    fileVariables.has(name.toUpperCase()) ? [[name.toUpperCase(), file ?? ''] as const] : [],
  )
  return new Map(
    await Promise.all(named.map(async ([name, file]) => [name, await readSecret(file)] as const)),
  )
}

/** One newline at the end is not part of the secret: editors and `echo` add it. */
async function readSecret(file: string): Promise<SecretFile> {
  const read = await readTextFile(file)
  if (!('text' in read)) return { message: `${file} ${read.reason}`, hint: read.hint }
  const secret = read.text.replace(/\r?\n$/, '')
  return secret === '' ? { message: `${file} is empty`, hint: 'write the secret into it' } : { text: secret }
}
