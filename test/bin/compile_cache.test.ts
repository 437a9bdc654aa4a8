/** Compiled code is kept only where nobody but the user of the service and root can plant other code. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'

const { isSafe } = (await import(new URL('../../bin/compile_cache.js', import.meta.url).href)) as {
  isSafe(folder: string): boolean
}

function createFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'credence-compile-cache-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

function createChild(parent: string, name: string, mode: number): string {
  const folder = join(parent, name)
  mkdirSync(folder)
  // The umask limits the mode of mkdir.
  chmodSync(folder, mode)
  return folder
}

test('a missing folder is created for the user alone', t => {
  const folder = join(createFolder(t), 'a', 'b')
  assert.equal(isSafe(folder), true)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
})

test('a folder that others can write is not used', t => {
  const parent = createFolder(t)
  assert.equal(isSafe(createChild(parent, 'own', 0o755)), true)
  assert.equal(isSafe(createChild(parent, 'group', 0o770)), false)
  assert.equal(isSafe(createChild(parent, 'world', 0o777)), false)
  assert.equal(isSafe(createChild(parent, 'sticky', 0o1777)), false)
})

test('a folder that others can replace is not used', t => {
  const parent = createFolder(t)
  assert.equal(isSafe(join(createChild(parent, 'world', 0o777), 'cache')), false)
  assert.equal(isSafe(join(createChild(parent, 'world-two', 0o777), 'deep', 'cache')), false)
  assert.equal(isSafe(join(createChild(parent, 'sticky', 0o1777), 'cache')), true)
})

test('a link is judged by the folder that it names', t => {
  const parent = createFolder(t)
  symlinkSync(createChild(parent, 'world', 0o777), join(parent, 'link'))
  assert.equal(isSafe(join(parent, 'link')), false)
})

test('a folder of another user is not used', { skip: process.geteuid?.() === 0 && 'root owns it' }, () => {
  assert.equal(isSafe('/usr'), false)
})

test('where a folder cannot be created, nothing is kept and nothing fails', t => {
  assert.equal(isSafe(join(createFolder(t), 'x'.repeat(300))), false)
})
