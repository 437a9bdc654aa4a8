/** scripts/check — types, style, the plan of the house, and generated files that must be fresh. Changes nothing. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { main, root, say } from './paths.js'
import { setup } from './setup.js'

await main(() => {
  const node = setup()
  const tool = name => join(root, 'node_modules', '.bin', name)
  const steps = [
    ['types', tool('tsc'), ['--noEmit']],
    ['style', tool('biome'), ['ci', '--diagnostic-level=warn']],
    ['architecture', node, ['--test', '--test-reporter=dot', 'test/architecture.test.ts']],
    ['generated files', node, ['scripts/generate.ts', '--check']],
  ]
  const failed = steps.filter(([name, program, args]) => {
    say(`check: ${name} …`)
    return (
      spawnSync(program, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
        .status !== 0
    )
  })
  if (failed.length > 0) say(`check: failed: ${failed.map(([name]) => name).join(', ')}`)
  return failed.length > 0 ? 1 : 0
})
