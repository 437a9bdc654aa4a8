/** main — argv to one command to an exit code; nothing else. */
import { runCli } from './cli/program.ts'

process.exitCode = await runCli(process.argv.slice(2))
