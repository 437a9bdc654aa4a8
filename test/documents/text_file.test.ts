import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import test, { after } from 'node:test'
import { readTextFile } from '../../src/documents/text_file.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-text-file-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, bytes: Uint8Array | string): string {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}

test('UTF-8 is read unchanged', async () => {
  assert.deepEqual(await readTextFile(file('utf8', 'id: ä€𝄞\n')), { text: 'id: ä€𝄞\n' })
  assert.deepEqual(await readTextFile(file('empty', '')), { text: '' })
})

for (const [name, bytes] of [
  ['Latin-1', Buffer.from('id: ä\n', 'latin1')],
  ['UTF-16 with a byte order mark', Buffer.from('\ufeffid: a\n', 'utf16le')],
  ['a truncated character', Buffer.from('id: ä').subarray(0, 5)],
] as const) {
  test(`${name} is rejected, not decoded as something else`, async () => {
    assert.deepEqual(await readTextFile(file('other', bytes)), {
      reason: 'is not UTF-8',
      hint: 'save it as UTF-8',
    })
  })
}

test('for a missing file the hint resolves a relative path', async () => {
  const path = join(folder, 'none')
  const reason = 'cannot be read: the file does not exist'
  assert.deepEqual(await readTextFile(path), { reason, hint: '' })
  assert.deepEqual(await readTextFile(path, './none'), { reason, hint: `it resolves to ${path}` })
  const there = relative(process.cwd(), path)
  assert.deepEqual(await readTextFile(there), { reason, hint: `it resolves to ${path}` })
})

test('a directory is reported as one', async () => {
  mkdirSync(join(folder, 'folder'))
  assert.deepEqual(await readTextFile(join(folder, 'folder')), {
    reason: 'cannot be read: it is a directory',
    hint: 'give the path of a file',
  })
})
