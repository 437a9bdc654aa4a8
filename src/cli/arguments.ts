/** What every command receives: streams, variables, configuration files and flags. */

export interface Streams {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly env: NodeJS.ProcessEnv
}

export interface ConfigArguments {
  /** In order; later ones override. */
  readonly configFiles: readonly string[]
  /** Text by setting path. */
  readonly flags: ReadonlyMap<string, string>
}
