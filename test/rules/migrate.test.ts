import assert from 'node:assert/strict'
import test from 'node:test'
import { type AccessRule, decodeRule } from '../../src/rules/document.ts'
import { migrateRule } from '../../src/rules/migrate.ts'

function migrateRaw(raw: object): AccessRule {
  const { rule } = decodeRule(raw)
  assert.ok(rule !== undefined)
  return migrateRule(rule)
}
const capture = (n: number) => `{{ printIndex .MatchContext.RegexpCaptureGroups (sub ${n} 1 | int)}}`
const keto = (version: string) =>
  migrateRaw({
    version,
    authorizer: {
      handler: 'keto_engine_acp_ory',
      config: { required_action: 'a:$1', required_resource: 'r:$2:foo:$1', flavor: 'exact' },
    },
  }).authorizer?.config

test("keto's $N becomes a template in each of several authorizers", () => {
  const { authorizers, authorizer } = migrateRaw({
    version: 'v0.33.0',
    authorizers: [
      { handler: 'allow' },
      { handler: 'keto_engine_acp_ory', config: { required_action: 'a:$1', required_resource: 'r' } },
    ],
  })
  assert.deepEqual(
    authorizers?.map(one => one.config),
    [undefined, { required_action: `a:${capture(1)}`, required_resource: 'r' }],
  )
  assert.equal(authorizer, undefined)
})

const KETO: readonly (readonly [version: string, rewritten: boolean])[] = [
  ['v0.33.0', true],
  ['0.37.0', true],
  ['v0.37.0-beta.1', true],
  ['v0.37.1', false],
  ['v0.40.0', false],
  ['v1.0.0', false],
  ['', false],
]
for (const [version, rewritten] of KETO) {
  test(`keto's $N of version "${version}" ${rewritten ? 'becomes a template' : 'is unchanged'}`, () => {
    assert.deepEqual(
      keto(version),
      rewritten
        ? {
            required_action: `a:${capture(1)}`,
            required_resource: `r:${capture(2)}:foo:${capture(1)}`,
            flavor: 'exact',
          }
        : { required_action: 'a:$1', required_resource: 'r:$2:foo:$1', flavor: 'exact' },
    )
  })
}

const hydrator = (version: string, retry: object) =>
  (
    migrateRaw({ version, mutators: [{ handler: 'hydrator', config: { api: { url: 'http://h' }, retry } }] })
      .mutators[0]?.config as { retry?: unknown } | undefined
  )?.retry

const HYDRATOR: readonly (readonly [version: string, retry: object, becomes: object])[] = [
  [
    'v0.32.0-beta.1',
    { delay_in_milliseconds: 500, number_of_retries: 5 },
    { max_delay: '500ms', give_up_after: '2500ms' },
  ],
  ['v0.19.0-beta.1', { number_of_retries: 3 }, { give_up_after: '300ms' }],
  ['v0.19.0', { delay_in_milliseconds: 500 }, { max_delay: '500ms' }],
  ['v0.32.0-beta.2', { number_of_retries: 3 }, { number_of_retries: 3 }],
  ['v0.32.0', { number_of_retries: 3 }, { number_of_retries: 3 }],
]
for (const [version, retry, becomes] of HYDRATOR) {
  test(`the hydrator's ${JSON.stringify(retry)} of ${version} becomes ${JSON.stringify(becomes)}`, () => {
    assert.deepEqual(hydrator(version, retry), becomes)
  })
}

test('a migration changes no other handler', () => {
  const raw = {
    authenticators: [{ handler: 'noop' }],
    authorizer: { handler: 'remote', config: { remote: 'http://h/$1' } },
    mutators: [{ handler: 'header', config: { retry: { number_of_retries: 1 } } }],
  }
  const { rule } = decodeRule({ ...raw, version: 'v0.19.0' })
  assert.deepEqual(migrateRule(rule as AccessRule), rule)
})
