/** Runs every static check of `npm run check` and changes no file. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { logProgress, projectRoot, runMain } from './environment.js'
import { setup } from './setup.js'

await runMain(() => {
  const node = setup()
  const tool = name => join(projectRoot, 'node_modules', '.bin', name)
  const steps = [
    ['types', tool('tsc'), ['--noEmit']],
    ['style and import cycles', tool('biome'), ['ci', '--diagnostic-level=warn']],
    ['architecture', node, ['--test', '--test-reporter=dot', 'test/architecture.test.ts']],
    ['dead exports', tool('knip'), ['--no-progress']],
    ['generated files', node, ['scripts/generate.ts', '--check']],
    ['words, links and line lengths', node, ['scripts/check_prose.ts']],
  ]
  const failed = steps.filter(([name, program, args]) => {
    logProgress(`check: ${name} …`)
    const shell = process.platform === 'win32'
    return spawnSync(program, args, { cwd: projectRoot, stdio: 'inherit', shell }).status !== 0
  })
  if (failed.length > 0) logProgress(`check: failed: ${failed.map(([name]) => name).join(', ')}`)
  return failed.length > 0 ? 1 : 0
})
