/** `npm run bench` runs the named groups of measurements and prints their tables. */
import type { MeasurementOptions } from './compare.ts'
import { GROUPS } from './groups.ts'
import { buildProject } from './servers.ts'

const args = process.argv.slice(2)
const requestedGroups = args.filter(word => !word.startsWith('-'))
const rounds = Number(args.find(word => word.startsWith('--rounds='))?.slice('--rounds='.length) ?? 5)
const quick = args.includes('--quick')
const unknownGroups = requestedGroups.filter(name => !GROUPS.has(name))

if (args.includes('--help') || unknownGroups.length > 0) {
  for (const name of unknownGroups) console.error(`There is no group "${name}". Use one of the groups below.`)
  console.log('npm run bench -- [GROUP…] [--rounds=5] [--quick]\n')
  for (const [name, { description }] of GROUPS) console.log(`  ${name.padEnd(10)} ${description}`)
  console.log(
    '\nThe default group is main. --rounds is the number of rounds after each of two starts. --quick checks that a group works; its figures are too short to be used.',
  )
  process.exitCode = unknownGroups.length > 0 ? 2 : 0
} else {
  const options: MeasurementOptions = quick
    ? { restarts: 1, rounds: 1, measureSeconds: 0.5, warmupSeconds: 0.3 }
    : { restarts: 2, rounds, measureSeconds: 1.5, warmupSeconds: 3 }
  buildProject()
  for (const name of requestedGroups.length === 0 ? ['main'] : requestedGroups) {
    const group = GROUPS.get(name)
    console.log(`\n## ${name}: ${group?.description}`)
    await group?.run(options)
  }
}
