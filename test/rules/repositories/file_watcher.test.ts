import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { watchFiles } from '../../../src/rules/repositories/file_watcher.ts'

/** A temporary directory, a watch on it, and a promise of the next change. */
async function startWatch(
  t: TestContext,
  files: readonly string[],
  prepare = async (_: string) => {},
  pollIntervalMs = 60_000,
) {
  const directory = await mkdtemp(join(tmpdir(), 'credence-watch-'))
  await prepare(directory)
  const calls = { count: 0 }
  let resolveNext = () => {}
  const onChange = () => {
    calls.count++
    resolveNext()
  }
  const paths = files.map(file => join(directory, file))
  const watch = watchFiles(paths, onChange, { quietMs: 20, pollIntervalMs })
  t.after(async () => {
    watch.close()
    await rm(directory, { recursive: true })
  })
  await pause(20)
  const next = () => new Promise<void>(resolve => (resolveNext = resolve))
  return { directory, calls, watch, next }
}
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const writeRules = (directory: string) => writeFile(join(directory, 'rules.json'), '[]')

test('a write in place is reported', async t => {
  const { directory, next } = await startWatch(t, ['rules.json'], writeRules)
  const changed = next()
  await writeFile(join(directory, 'rules.json'), '[ ]')
  await changed
})

test('a rename over the file is reported', async t => {
  const { directory, next } = await startWatch(t, ['rules.json'], writeRules)
  await writeFile(join(directory, 'new'), '[]')
  const changed = next()
  await rename(join(directory, 'new'), join(directory, 'rules.json'))
  await changed
})

test('creating and deleting a file are reported', async t => {
  const { directory, next } = await startWatch(t, ['rules.json'])
  let changed = next()
  await writeRules(directory)
  await changed
  changed = next()
  await rm(join(directory, 'rules.json'))
  await changed
})

test('each swap of the ..data link of a ConfigMap is reported', async t => {
  const version = async (directory: string, name: string) => {
    await mkdir(join(directory, name))
    await writeFile(join(directory, name, 'rules.json'), '[]')
    await symlink(name, join(directory, '..data_tmp'))
    await rename(join(directory, '..data_tmp'), join(directory, '..data'))
  }
  const { directory, next } = await startWatch(t, ['rules.json'], async at => {
    await version(at, '..1')
    await symlink('..data/rules.json', join(at, 'rules.json'))
  })
  for (const name of ['..2', '..3']) {
    const changed = next()
    await version(directory, name)
    await changed
    await pause(50)
  }
})

test('a write to the target of a link in another directory is reported', async t => {
  const { directory, next } = await startWatch(t, ['rules.json'], async at => {
    await mkdir(join(at, 'elsewhere'))
    await writeRules(join(at, 'elsewhere'))
    await symlink('elsewhere/rules.json', join(at, 'rules.json'))
  })
  const changed = next()
  await writeFile(join(directory, 'elsewhere', 'rules.json'), '[ ]')
  await changed
})

test('several writes in a row are reported once, after the last one', async t => {
  const { directory, calls, next } = await startWatch(t, ['rules.json'], writeRules)
  const changed = next()
  for (let i = 1; i <= 5; i++) await writeFile(join(directory, 'rules.json'), '['.repeat(i))
  await changed
  await pause(60)
  assert.equal(calls.count, 1)
})

test('other files of the directory are ignored', async t => {
  const { directory, calls } = await startWatch(t, ['rules.json'], writeRules)
  await writeFile(join(directory, 'other.json'), '[]')
  await pause(100)
  assert.equal(calls.count, 0)
})

test('a file in a directory that does not exist yet is found by polling', async t => {
  const { directory, next } = await startWatch(t, ['later/rules.json'], undefined, 20)
  const changed = next()
  await mkdir(join(directory, 'later'))
  await writeFile(join(directory, 'later', 'rules.json'), '[]')
  await changed
})

test('a change right after the start is not lost', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'credence-watch-'))
  await writeRules(directory)
  const changed = new Promise<void>(resolve => {
    const watch = watchFiles([join(directory, 'rules.json')], resolve, {
      quietMs: 20,
      pollIntervalMs: 60_000,
    })
    t.after(async () => {
      watch.close()
      await rm(directory, { recursive: true })
    })
  })
  writeFileSync(join(directory, 'rules.json'), '[ ]')
  await changed
})

test('nothing is reported after close', async t => {
  const { directory, calls, watch } = await startWatch(t, ['rules.json'], writeRules)
  watch.close()
  await writeFile(join(directory, 'rules.json'), '[ ]')
  await pause(60)
  assert.equal(calls.count, 0)
})
