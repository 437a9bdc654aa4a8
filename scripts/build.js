/** scripts/build — src/ as JavaScript in dist/, for the image and the package. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { main, root } from './paths.js'
import { setup } from './setup.js'

await main(() => {
  setup()
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const shell = process.platform === 'win32'
  return spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit', shell }).status
})
