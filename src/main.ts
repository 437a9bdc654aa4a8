/** The entry point: runs the command that the arguments name and sets the exit code. */
import { runCli } from './cli/program.ts'

process.exitCode = await runCli(process.argv.slice(2))
