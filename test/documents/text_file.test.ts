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

test('UTF-8 is read, whatever it says', async () => {
  assert.deepEqual(await readTextFile(file('utf8', 'id: ä€𝄞\n')), { text: 'id: ä€𝄞\n' })
  assert.deepEqual(await readTextFile(file('empty', '')), { text: '' })
})

for (const [name, bytes] of [
  ['Latin-1', Buffer.from('id: ä\n', 'latin1')],
  ['UTF-16 as Windows writes it', Buffer.from('\ufeffid: a\n', 'utf16le')],
  ['a cut character', Buffer.from('id: ä').subarray(0, 5)],
] as const) {
  test(`${name} is refused, and not read as something else`, async () => {
    assert.deepEqual(await readTextFile(file('other', bytes)), {
      reason: 'is not UTF-8',
      hint: 'save it as UTF-8',
    })
  })
}

test('a file that is not there is told with the place where it was looked for, unless that was written', async () => {
  const path = join(folder, 'none')
  const reason = 'cannot be read: there is no such file'
  assert.deepEqual(await readTextFile(path), { reason, hint: '' })
  assert.deepEqual(await readTextFile(path, './none'), { reason, hint: `it was looked for at ${path}` })
  const there = relative(process.cwd(), path)
  assert.deepEqual(await readTextFile(there), { reason, hint: `it was looked for at ${path}` })
})

test('a folder is told as one', async () => {
  mkdirSync(join(folder, 'folder'))
  assert.deepEqual(await readTextFile(join(folder, 'folder')), {
    reason: 'cannot be read: it is a folder',
    hint: 'name a file in it',
  })
})
