import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { type ValidateArguments, validate } from '../../src/cli/validate.ts'
import { createValidateDependencies } from '../../src/cli/validate_dependencies.ts'
import { fakeClock } from '../support/clock.ts'

const goldenFolder = join(dirname(fileURLToPath(import.meta.url)), 'golden')

/** Runs in the folder of a case. `CREDENCE_GOLDEN=write` rewrites the expected output, for review in the diff. */
async function runValidate(name: string, args: Partial<ValidateArguments> = {}) {
  const { dependencies, close } = createValidateDependencies(fakeClock())
  const directory = join(goldenFolder, name)
  const lines: string[] = []
  const io = { out: (text: string) => lines.push(text), err: () => {}, env: {} }
  const all = {
    configFiles: [join(directory, 'credence.yml')],
    flags: new Map(),
    rules: [],
    strict: false,
    ...args,
  }
  const code = await validate(all, io, { ...dependencies, directory })
  await close()
  return { code, text: lines.join('').replaceAll(`${directory}/`, '') }
}

for (const name of readdirSync(goldenFolder)) {
  test(`the output for ${name.replaceAll('_', ' ')} is the expected one`, async () => {
    const { code, text } = await runValidate(name)
    const said = `${text}exit ${code}\n`
    const file = join(goldenFolder, name, 'output.txt')
    if (process.env.CREDENCE_GOLDEN === 'write') writeFileSync(file, said)
    assert.equal(said, readFileSync(file, 'utf8'))
  })
}

test('warnings exit with 0, with --strict with 1', async () => {
  assert.equal((await runValidate('warnings')).code, 0)
  const strict = await runValidate('warnings', { strict: true })
  assert.equal(strict.code, 1)
  assert.match(strict.text, /: error: .*unknown field "metods"/)
})

test('a key without effect is no error, even with --strict', async () => {
  const { text } = await runValidate('warnings', { strict: true })
  assert.match(text, /: warning: serve\.proxy\.port: /)
})

test('rule files on the command line replace the configured ones', async () => {
  const { code, text } = await runValidate('clean', { rules: ['../undecodable/rules.yml'] })
  assert.equal(code, 1)
  assert.match(text, /^\.\.\/undecodable\/rules\.yml:1:7: error: /)
})

test('a configuration file that is missing is an error', async () => {
  const { code, text } = await runValidate('clean', { configFiles: ['/nowhere/credence.yml'] })
  assert.equal(code, 1)
  assert.equal(
    text,
    '/nowhere/credence.yml: error: cannot be read: the file does not exist\n1 error, 0 warnings; rules not checked\n',
  )
})
