/** `node scripts/run.js FILE args…` installs what is missing, then runs FILE with the project's Node. */
import { join } from 'node:path'
import { projectRoot, runMain, UserError } from './environment.js'
import { runInForeground, setup } from './setup.js'

await runMain(() => {
  const [file, ...rest] = process.argv.slice(2)
  if (file === undefined) throw new UserError('usage: node scripts/run.js FILE [args…]')
  return runInForeground(setup(), [join(projectRoot, file), ...rest])
})
