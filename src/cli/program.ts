/** The command line: commands, options, flags of settings and help texts. */
import { Command, CommanderError, Option } from 'commander'
import { SETTINGS } from '../app/settings.ts'
import { flagName, variableName } from '../config/setting.ts'
import { version } from '../version.ts'
import { DEFAULT_SERVER_URL } from './admin_client.ts'
import type { ConfigArguments, Streams } from './arguments.ts'
import type { RevokeArguments } from './revoke.ts'

const PROCESS_STREAMS: Streams = {
  out: text => endingWhenClosed(process.stdout).write(text),
  err: text => endingWhenClosed(process.stderr).write(text),
  env: process.env,
}

/** A reader such as `head` closes the pipe when it has enough: that ends the command, and is no error. */
function endingWhenClosed(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (stream.listenerCount('error') === 0) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      process.exit(0)
    })
  }
  return stream
}

/** Runs one command. Resolves to the exit code: 0 success, 1 errors in configuration or rules, 2 errors on the command line. */
export async function runCli(argv: readonly string[], streams: Streams = PROCESS_STREAMS): Promise<number> {
  let code = 0
  const helpArguments = argv.map(one => (one === HELP_ALL ? '--help' : one))
  // Only in the help: commander suggests no option that is hidden where one is misspelt.
  const showsSettings = !argv.some(one => one === '--help' || one === '-h' || one === 'help')
  const program = new Command('credence')
    .description(
      "External authorizer for Envoy that runs Ory Oathkeeper's access rules and verifies Ory Kratos sessions.",
    )
    .version(version, '--version', 'print the version')
    .configureOutput({ writeOut: streams.out, writeErr: streams.err })
    .addHelpText(
      'after',
      `
Examples:
  credence validate --config credence.yaml
  credence serve --config credence.yaml    gRPC on 9191, api on 4456

Exit codes: 0 success, 1 errors in configuration or rules, or a port in use,
2 errors on the command line, 3 something to look at, 5 no service answers.`,
    )
    .exitOverride()
    .showHelpAfterError("Run 'credence --help' for usage.")
  const serve = addConfigOption(program.command('serve'))
    .description('serve Envoy and the api until SIGTERM or SIGINT')
    .option('--disable-telemetry', 'accepted for compatibility; Credence sends no usage data')
    .option('--sqa-opt-out', 'accepted for compatibility; Credence sends no usage data')
    .action(async (_options, command: Command) => {
      const { serve: start } = await import('./serve.ts')
      code = await start(configArgumentsOf(command), streams)
    })
  addSettingFlags(serve, { isShown: showsSettings })
  const validate = addConfigOption(program.command('validate'))
    .argument('[rules...]', 'rule files to check instead of those in the configuration')
    .option('--strict', 'count warnings as errors (not the setting `strict`)')
    .description('report every problem of configuration and rules')
    .action(async (rules: string[], options: { strict?: boolean }, command: Command) => {
      const { validate: runValidate } = await import('./validate.ts')
      const [{ createValidateDependencies }, { clock }] = await Promise.all([
        import('./validate_dependencies.ts'),
        import('../app/app.ts'),
      ])
      const { dependencies, close } = createValidateDependencies(clock)
      code = await runValidate(
        { ...configArgumentsOf(command), rules, strict: options.strict === true },
        streams,
        dependencies,
      )
      await close()
    })
  addSettingFlags(validate, { isShown: showsSettings, reserved: ['--strict'] })
  addServiceCommands(program, streams, found => {
    code = found
  })
  try {
    await program.parseAsync(helpArguments, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : 2
  }
  return code
}

/** Commands that ask a running service. */
function addServiceCommands(program: Command, streams: Streams, setCode: (code: number) => void): void {
  const addServerOption = (command: Command): Command =>
    command.addOption(
      new Option('--server <url>', 'api port of the service; its key is read from CREDENCE_ADMIN_KEY')
        .env('CREDENCE_SERVER')
        .default(DEFAULT_SERVER_URL),
    )
  const format = () =>
    new Option('--format <format>', 'text or json').choices(['text', 'json']).default('text')
  addServerOption(program.command('tail'))
    .description('print decisions of a running service')
    .option('--denied', 'only denied requests')
    .option('--rule <id>', 'only this rule; * stands for any text, here and below')
    .option('--code <code>', 'only this reason code')
    .option('--method <method>', 'only this method')
    .option('--host <host>', 'only this host')
    .option('--path <path>', 'only this path, for example /orders*')
    .option('--who <subject>', 'only this subject')
    .option('--max-rps <number>', 'most decisions a second; the rest is counted')
    .addOption(format())
    .action(async (options: TailOptions) => {
      const { tail } = await import('./tail.ts')
      const { server, format: chosen, denied, maxRps, ...fields } = options
      const filter = {
        ...fields,
        ...(denied === true ? { decision: 'deny' } : {}),
        ...(maxRps === undefined ? {} : { max_rps: maxRps }),
      }
      const stop = new AbortController()
      const end = () => stop.abort()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
      setCode(await tail({ server, format: chosen, filter, signal: stop.signal }, streams))
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
    })
  addServerOption(program.command('status'))
    .description('print the state of a running service')
    .addOption(format())
    .action(async (options: { server: string; format: 'text' | 'json' }) => {
      const { status } = await import('./status.ts')
      setCode(await status(options, streams))
    })
  addServerOption(program.command('revoke'))
    .description('evict cached sessions of a running service')
    .option('--identity <id>', 'all sessions of an identity')
    .option('--session <id>', 'one session')
    .option('--everything', 'all sessions')
    .action(async (options: RevokeArguments) => {
      const { revoke } = await import('./revoke.ts')
      setCode(await revoke(options, streams))
    })
}

interface TailOptions
  extends Readonly<Partial<Record<'rule' | 'code' | 'method' | 'host' | 'path' | 'who', string>>> {
  readonly server: string
  readonly format: 'text' | 'json'
  readonly denied?: boolean
  readonly maxRps?: string
}

function addConfigOption(command: Command): Command {
  return command.addOption(
    // `<file...>` would also consume the rule files after it.
    new Option(
      '-c, --config <file>',
      'configuration file (YAML, JSON or TOML); repeatable, later files override earlier ones',
    )
      .env('CREDENCE_CONFIG')
      .argParser((file, files: readonly string[] = []) => [...files, file]),
  )
}

/** `--help` fits a screen; this one lists the flags of the settings, too. */
const HELP_ALL = '--help-all'

/** Credence's settings as flags, except secrets; Oathkeeper's settings have variables. */
function addSettingFlags(
  command: Command,
  { isShown, reserved = [] }: { readonly isShown: boolean; readonly reserved?: readonly string[] },
): void {
  command.addHelpText(
    'after',
    `${isShown ? '' : `\nEvery setting of Credence is a flag, too: ${HELP_ALL} lists them.`}
Oathkeeper's settings are set in the file, or by variables named like the key
in upper case: SERVE_API_PORT, LOG_LEVEL. Secrets are set by variables, or by
..._FILE variables that name a file.
All settings and their defaults: docs/configuration.md`,
  )
  for (const setting of SETTINGS) {
    const flag = flagName(setting)
    if (flag === undefined || reserved.includes(flag)) continue
    const value = setting.type.textForm === 'boolean' ? '[true|false]' : '<value>'
    const defaultText = String(setting.default ?? '')
    const suffix = defaultText === '' ? '' : `, default ${defaultText}`
    const description = `${setting.description} (${variableName(setting)}${suffix})`
    command.addOption(new Option(`${flag} ${value}`, description).hideHelp(!isShown))
  }
}

function configArgumentsOf(command: Command): ConfigArguments {
  const options = command.opts<Record<string, unknown>>()
  const files = [options.config].flat().flatMap(one => (typeof one === 'string' ? one.split(',') : []))
  const flags = new Map<string, string>()
  for (const setting of SETTINGS) {
    const flag = flagName(setting)
    if (flag === undefined) continue
    const name = flag.slice(2).replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase())
    const value = options[name]
    if (typeof value === 'string') flags.set(setting.path, value)
    else if (value === true && setting.type.textForm === 'boolean') flags.set(setting.path, 'true')
  }
  return { configFiles: files, flags }
}
