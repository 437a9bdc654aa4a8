/** main — argv to one command to an exit code; nothing else. */
import { run } from './cli/program.ts'

process.exitCode = await run(process.argv.slice(2))
