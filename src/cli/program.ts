/** cli/program — the commands, their options and their help. Knows which function runs a command, not what it does. */
import { Command, CommanderError, Option } from 'commander'
import { flagOf, SETTINGS, variableOf } from '../config/settings.ts'
import { version } from '../version.ts'
import type { CommandIo, CommonArguments } from './arguments.ts'

const CONSOLE: CommandIo = {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
  env: process.env,
}

/** Exit codes: 0 well, 1 the configuration or the rules have errors, 2 the command line has. */
export async function run(argv: readonly string[], io: CommandIo = CONSOLE): Promise<number> {
  let code = 0
  const program = new Command('credence')
    .description("Answers Envoy's ext_authz by Ory Oathkeeper's access rules, with verified Kratos sessions.")
    .version(version, '--version', 'print the version')
    .configureOutput({ writeOut: io.out, writeErr: io.err })
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
  const serve = withCommon(program.command('serve'))
    .description('listen for Envoy and for the api port until SIGTERM or SIGINT')
    .option('--disable-telemetry', 'accepted for Oathkeeper; nothing is ever sent to anybody')
    .option('--sqa-opt-out', 'accepted for Oathkeeper; nothing is ever sent to anybody')
    .action(async (_options, command: Command) => {
      const { serve: start } = await import('./serve.ts')
      code = await start(commonOf(command), io)
    })
  addSettings(serve)
  const validate = withCommon(program.command('validate'))
    .argument('[rules...]', 'rule files to check instead of those of the configuration')
    .option('--strict', 'count warnings as errors')
    .description('name every issue of the configuration and of all rules; exit 1 when there is an error')
    .action(async (rules: string[], options: { strict?: boolean }, command: Command) => {
      const { validate: check } = await import('./validate.ts')
      const [{ openValidation }, { clock }] = await Promise.all([
        import('./validate_dependencies.ts'),
        import('../app/app.ts'),
      ])
      const { world, close } = openValidation(clock)
      code = await check({ ...commonOf(command), rules, strict: options.strict === true }, io, world)
      await close()
    })
  addSettings(validate, ['--strict'])
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : 2
  }
  return code
}

function withCommon(command: Command): Command {
  return command.addOption(
    // Not `<file...>`: that would take the rule files behind it, too.
    new Option('-c, --config <file>', 'configuration file, YAML, JSON or TOML; given again, later ones win')
      .env('CREDENCE_CONFIG')
      .argParser((file, files: readonly string[] = []) => [...files, file]),
  )
}

/** Our own settings as flags; Oathkeeper's keys have its variables. */
function addSettings(command: Command, taken: readonly string[] = []): void {
  command.addHelpText(
    'after',
    `
Oathkeeper's keys are given in the file or by its variables, the key in upper case: SERVE_API_PORT, LOG_LEVEL.
All of them, with their defaults: docs/configuration.md`,
  )
  for (const setting of SETTINGS) {
    const flag = flagOf(setting)
    if (!setting.ours || taken.includes(flag)) continue
    const value = setting.type === 'boolean' ? '[true|false]' : '<value>'
    const unset = String(setting.default ?? '')
    const start = unset === '' ? '' : `, ${unset} unless set`
    command.option(`${flag} ${value}`, `${setting.about} (${variableOf(setting)}${start})`)
  }
}

function commonOf(command: Command): CommonArguments {
  const options = command.opts<Record<string, unknown>>()
  const files = [options.config].flat().flatMap(one => (typeof one === 'string' ? one.split(',') : []))
  const flags = new Map<string, string>()
  for (const setting of SETTINGS) {
    if (!setting.ours) continue
    const name = flagOf(setting)
      .slice(2)
      .replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase())
    const value = options[name]
    if (typeof value === 'string') flags.set(setting.path, value)
    else if (value === true && setting.type === 'boolean') flags.set(setting.path, 'true')
  }
  return { configFiles: files, flags }
}
