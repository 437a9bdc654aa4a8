/** scripts/run — `node scripts/run.js FILE args…`: sets up, then runs FILE with the project's Node in its place. */
import { join } from 'node:path'
import { main, root, Trouble } from './paths.js'
import { foreground, setup } from './setup.js'

await main(() => {
  const [file, ...rest] = process.argv.slice(2)
  if (file === undefined) throw new Trouble('usage: node scripts/run.js FILE [args…]')
  return foreground(setup(), [join(root, file), ...rest])
})
