/** The command line: commands, options, flags of settings and help texts. */
import { Command, CommanderError, Option } from 'commander'
import { SETTINGS } from '../app/settings.ts'
import { flagName, variableName } from '../config/setting.ts'
import { version } from '../version.ts'
import type { ConfigArguments, Streams } from './arguments.ts'

const PROCESS_STREAMS: Streams = {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
  env: process.env,
}

/** Runs one command. Resolves to the exit code: 0 success, 1 errors in configuration or rules, 2 errors on the command line. */
export async function runCli(argv: readonly string[], streams: Streams = PROCESS_STREAMS): Promise<number> {
  let code = 0
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
  credence validate --config credence.yaml    report every problem with file, line and key
  credence serve --config credence.yaml       gRPC on 127.0.0.1:9191, api on 127.0.0.1:4456

Exit codes: 0 success, 1 errors in configuration or rules, or a port in use, 2 errors on the command line.`,
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
  addSettingFlags(serve)
  const validate = addConfigOption(program.command('validate'))
    .argument('[rules...]', 'rule files to check instead of those in the configuration')
    .option('--strict', 'count warnings as errors (not the setting `strict`)')
    .description('report every problem of the configuration and of all rules; exit 1 if there is an error')
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
  addSettingFlags(validate, ['--strict'])
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : 2
  }
  return code
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

/** Credence's settings as flags, except secrets; Oathkeeper's settings have variables. */
function addSettingFlags(command: Command, reservedFlags: readonly string[] = []): void {
  command.addHelpText(
    'after',
    `
Oathkeeper's settings are set in the file or by variables named like the key in upper case: SERVE_API_PORT, LOG_LEVEL.
Secrets are set by variables, or by ..._FILE variables that name a file.
All settings and their defaults: docs/configuration.md`,
  )
  for (const setting of SETTINGS) {
    const flag = flagName(setting)
    if (flag === undefined || reservedFlags.includes(flag)) continue
    const value = setting.type.textForm === 'boolean' ? '[true|false]' : '<value>'
    const defaultText = String(setting.default ?? '')
    const suffix = defaultText === '' ? '' : `, default ${defaultText}`
    command.option(`${flag} ${value}`, `${setting.description} (${variableName(setting)}${suffix})`)
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
