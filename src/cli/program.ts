/** cli/program — the commands, their options and their help. Knows which function runs a command, not what it does. */
import { Command, CommanderError, Option } from 'commander'
import { flagName, SETTINGS, variableName } from '../config/settings.ts'
import { version } from '../version.ts'
import type { ConfigArguments, Streams } from './arguments.ts'

const PROCESS_STREAMS: Streams = {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
  env: process.env,
}

/** Exit codes: 0 well, 1 the configuration or the rules have errors, 2 the command line has. */
export async function runCli(argv: readonly string[], streams: Streams = PROCESS_STREAMS): Promise<number> {
  let code = 0
  const program = new Command('credence')
    .description("Answers Envoy's ext_authz by Ory Oathkeeper's access rules, with verified Kratos sessions.")
    .version(version, '--version', 'print the version')
    .configureOutput({ writeOut: streams.out, writeErr: streams.err })
    .addHelpText(
      'after',
      `
Examples:
  credence validate --config credence.yaml    every issue, with file, line, key and what to do
  credence serve --config credence.yaml       gRPC on 127.0.0.1:9191, api on 127.0.0.1:4456

Exit codes: 0 well, 1 errors in configuration or rules or a port that is taken, 2 errors on the command line.`,
    )
    .exitOverride()
    .showHelpAfterError('(credence --help shows what there is)')
  const serve = addConfigOption(program.command('serve'))
    .description('listen for Envoy and for the api port until SIGTERM or SIGINT')
    .option('--disable-telemetry', 'accepted for Oathkeeper; nothing is ever sent to anybody')
    .option('--sqa-opt-out', 'accepted for Oathkeeper; nothing is ever sent to anybody')
    .action(async (_options, command: Command) => {
      const { serve: start } = await import('./serve.ts')
      code = await start(configArgumentsOf(command), streams)
    })
  addSettingFlags(serve)
  const validate = addConfigOption(program.command('validate'))
    .argument('[rules...]', 'rule files to check instead of those of the configuration')
    .option('--strict', 'count warnings as errors')
    .description('name every issue of the configuration and of all rules; exit 1 when there is an error')
    .action(async (rules: string[], options: { strict?: boolean }, command: Command) => {
      const { validate: check } = await import('./validate.ts')
      const [{ createValidateDependencies: openValidation }, { clock }] = await Promise.all([
        import('./validate_dependencies.ts'),
        import('../app/app.ts'),
      ])
      const { world, close } = openValidation(clock)
      code = await check(
        { ...configArgumentsOf(command), rules, strict: options.strict === true },
        streams,
        world,
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
    // Not `<file...>`: that would take the rule files behind it, too.
    new Option('-c, --config <file>', 'configuration file, YAML, JSON or TOML; given again, later ones win')
      .env('CREDENCE_CONFIG')
      .argParser((file, files: readonly string[] = []) => [...files, file]),
  )
}

/** Our own settings as flags; Oathkeeper's keys have its variables. */
function addSettingFlags(command: Command, reservedFlags: readonly string[] = []): void {
  command.addHelpText(
    'after',
    `
Oathkeeper's keys are given in the file or by its variables, the key in upper case: SERVE_API_PORT, LOG_LEVEL.
All of them, with their defaults: docs/configuration.md`,
  )
  for (const setting of SETTINGS) {
    const flag = flagName(setting)
    if (!setting.ours || reservedFlags.includes(flag)) continue
    const value = setting.type === 'boolean' ? '[true|false]' : '<value>'
    const defaultText = String(setting.default ?? '')
    const suffix = defaultText === '' ? '' : `, ${defaultText} unless set`
    command.option(`${flag} ${value}`, `${setting.description} (${variableName(setting)}${suffix})`)
  }
}

function configArgumentsOf(command: Command): ConfigArguments {
  const options = command.opts<Record<string, unknown>>()
  const files = [options.config].flat().flatMap(one => (typeof one === 'string' ? one.split(',') : []))
  const flags = new Map<string, string>()
  for (const setting of SETTINGS) {
    if (!setting.ours) continue
    const name = flagName(setting)
      .slice(2)
      .replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase())
    const value = options[name]
    if (typeof value === 'string') flags.set(setting.path, value)
    else if (value === true && setting.type === 'boolean') flags.set(setting.path, 'true')
  }
  return { configFiles: files, flags }
}
