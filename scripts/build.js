/** Compiles src/ to JavaScript in dist/, for the image and the package. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot, runMain } from './environment.js'
import { setup } from './setup.js'

await runMain(() => {
  setup()
  rmSync(join(projectRoot, 'dist'), { recursive: true, force: true })
  const tsc = join(projectRoot, 'node_modules', '.bin', 'tsc')
  const shell = process.platform === 'win32'
  return spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: projectRoot, stdio: 'inherit', shell }).status
})
