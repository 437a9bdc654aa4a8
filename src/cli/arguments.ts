/** What every command is given: streams, variables, configuration files and flags. */

export interface Streams {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly env: NodeJS.ProcessEnv
}

/** What every command gets: configuration files in order, and our settings that were given as flags. */
export interface ConfigArguments {
  readonly configFiles: readonly string[]
  readonly flags: ReadonlyMap<string, string>
}
