/** The examples in the READMEs of the libraries have the results that they state. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { pathToFileURL } from 'node:url'

for (const library of ['golang', 'gjson', 'gotemplate']) {
  test(`examples of ${library}`, async () => {
    const folder = new URL(`../../src/${library}/`, import.meta.url)
    const readme = readFileSync(new URL('README.md', folder), 'utf8')
    const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? []
    let examples = 0
    const lines = code.split('\n').map(line => {
      const [, expression, result] = /^(\S.*?) \/\/ (.*)$/.exec(line) ?? []
      if (expression === undefined) return line.replace("'./index.ts'", `'${new URL('index.ts', folder)}'`)
      examples++
      return result?.endsWith('Error') === true
        ? `assert.throws(() => ${expression}, error => error.constructor.name === '${result}')`
        : `assert.deepEqual(${expression}, ${result})`
    })
    const directory = mkdtempSync(join(tmpdir(), 'credence-readme-'))
    try {
      const file = join(directory, 'example.ts')
      writeFileSync(file, ["import assert from 'node:assert/strict'", ...lines].join('\n'))
      await import(pathToFileURL(file).href)
    } finally {
      rmSync(directory, { recursive: true })
    }
    assert.ok(examples >= 3)
  })
}
