/** bench/bench — the command line of the measurements: which groups, and with how much effort. */
import type { Effort } from './compare.ts'
import { GROUPS } from './groups.ts'
import { build } from './servers.ts'

const words = process.argv.slice(2)
const asked = words.filter(word => !word.startsWith('-'))
const rounds = Number(words.find(word => word.startsWith('--rounds='))?.slice('--rounds='.length) ?? 5)
const quick = words.includes('--quick')
const unknown = asked.filter(name => !GROUPS.has(name))

if (words.includes('--help') || unknown.length > 0) {
  for (const name of unknown) console.error(`There is no group "${name}".`)
  console.log('npm run bench -- [GROUP…] [--rounds=5] [--quick]\n')
  for (const [name, { about }] of GROUPS) console.log(`  ${name.padEnd(10)} ${about}`)
  console.log('\nWithout a group: main. --quick only shows whether a group works; its figures say nothing.')
  process.exitCode = unknown.length > 0 ? 2 : 0
} else {
  const effort: Effort = quick ? { rounds: 1, seconds: 0.5, warmup: 0.3 } : { rounds, seconds: 3, warmup: 8 }
  build()
  for (const name of asked.length === 0 ? ['main'] : asked) {
    const group = GROUPS.get(name)
    console.log(`\n## ${name}: ${group?.about}`)
    await group?.run(effort)
  }
}
