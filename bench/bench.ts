/** bench/bench — the command line of the measurements: which groups, and with how much effort. */
import type { MeasurementOptions } from './compare.ts'
import { GROUPS } from './groups.ts'
import { buildProject } from './servers.ts'

const args = process.argv.slice(2)
const requestedGroups = args.filter(word => !word.startsWith('-'))
const rounds = Number(args.find(word => word.startsWith('--rounds='))?.slice('--rounds='.length) ?? 5)
const quick = args.includes('--quick')
const unknownGroups = requestedGroups.filter(name => !GROUPS.has(name))

if (args.includes('--help') || unknownGroups.length > 0) {
  for (const name of unknownGroups) console.error(`There is no group "${name}".`)
  console.log('npm run bench -- [GROUP…] [--rounds=5] [--quick]\n')
  for (const [name, { description: about }] of GROUPS) console.log(`  ${name.padEnd(10)} ${about}`)
  console.log('\nWithout a group: main. --quick only shows whether a group works; its figures say nothing.')
  process.exitCode = unknownGroups.length > 0 ? 2 : 0
} else {
  const effort: MeasurementOptions = quick
    ? { rounds: 1, measureSeconds: 0.5, warmupSeconds: 0.3 }
    : { rounds, measureSeconds: 3, warmupSeconds: 8 }
  buildProject()
  for (const name of requestedGroups.length === 0 ? ['main'] : requestedGroups) {
    const group = GROUPS.get(name)
    console.log(`\n## ${name}: ${group?.description}`)
    await group?.run(effort)
  }
}
