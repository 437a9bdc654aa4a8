/** A guarded rule is reported if its path with or without a trailing slash is open by another rule. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { createCheckHarness } from '../../support/check_harness.ts'

const HANDLERS = `
authenticators: {anonymous: {enabled: true}, unauthorized: {enabled: true}, noop: {enabled: true}}
authorizers: {allow: {enabled: true}, deny: {enabled: true}}
mutators: {noop: {enabled: true}}
`
const FIRST = 'access_rules: {on_multiple_matches: first}\n'
const GLOB = 'access_rules: {matching_strategy: glob}\n'

const rule = (id: string, url: string, authenticators: readonly string[], authorizer = 'allow') => ({
  id,
  match: { url, methods: ['GET'] },
  authenticators: authenticators.map(handler => ({ handler })),
  authorizer: { handler: authorizer },
  mutators: [{ handler: 'noop' }],
})
const guarded = (url: string, authenticator = 'unauthorized') => rule('guarded', url, [authenticator])
const open = (url: string, authenticator = 'anonymous') => rule('open', url, [authenticator])

async function reportsOf(rules: readonly object[], config = ''): Promise<readonly string[]> {
  const { issues } = await createCheckHarness({ config: config + HANDLERS, rules: JSON.stringify(rules) })
  return issues.flatMap(({ message }) => {
    const match = /^does not match (.*), which .*"open".* allows without a credential$/.exec(message)
    return match === null ? [] : [match[1] as string]
  })
}

const REPORTED: readonly (readonly [url: string, rules: readonly object[], config?: string])[] = [
  ['https://h/admin', [guarded('https://h/admin/<.*>'), open('https://h/<(?!admin/).*>')]],
  ['https://h/admin', [guarded('https://h/admin/<.+>'), open('https://h/<[^/]*>', 'noop')]],
  ['https://h/admin', [guarded('https://h/admin/<.*>'), open('https://h/<.*>')], FIRST],
  ['https://h/admin', [guarded('https://h/admin/<**>'), open('https://h/<*>')], GLOB],
  ['http://h/admin', [guarded('<https?>://h/admin/<.*>'), open('http://h/admin')]],
  [
    'https://h/admin',
    [guarded('https://h/admin/<.*>'), open('https://h/public')],
    'access_rules: {default_rule: open}\n',
  ],
  ['https://h/admin', [rule('guarded', 'https://h/admin/<.*>', ['noop'], 'deny'), open('https://h/admin')]],
  ['https://h/admin/', [guarded('https://h/admin'), open('https://h/<.*>/')]],
  ['https://h/admin', [guarded('https://h/admin/'), open('https://h/admin')]],
  // Several fragments
  ['https://a/admin', [guarded('https://<[^/]+>/admin/<.*>'), open('https://<[^/]+>/<(?!admin/).*>')]],
  ['https://app.test/admin', [guarded('https://<[^/]+>/admin/<.*>'), open('https://app.test/admin')]],
  ['https://h/t/admin', [guarded('https://h/<[^/]+>/admin/<.+>'), open('https://h/t/admin')]],
  ['https://a/admin/', [guarded('https://<[^/]+>/admin'), open('https://<[^/]+>/admin/<.*>')]],
  ['https://h/1/edit', [guarded('https://h/<*>/edit/<**>'), open('https://h/1/edit')], GLOB],
]
for (const [url, rules, config] of REPORTED) {
  test(`S2-1 F1 reported: ${url} ${JSON.stringify(rules.map(one => (one as { match: object }).match))}`, async () => {
    assert.deepEqual(await reportsOf(rules, config), [`GET ${url}`])
  })
}

const SILENT: typeof REPORTED = [
  ['both are guarded', [guarded('https://h/admin<(?:/.*)?>'), open('https://h/<(?!admin).*>')]],
  ['both are open', [rule('guarded', 'https://h/a/<.*>', ['anonymous']), open('https://h/a')]],
  ['no rule matches the other', [guarded('https://h/admin/<.*>'), open('https://h/public')]],
  [
    'the other is guarded',
    [guarded('https://h/admin/<.*>'), rule('open', 'https://h/admin', ['unauthorized'])],
  ],
  [
    'several match, which is a 500',
    [guarded('https://h/a/<.*>'), open('https://h/a'), open('https://h/<a|b>')],
  ],
  ['the root', [guarded('https://h/<.*>'), open('https://g/<.*>')]],
  ['the root of any host', [guarded('https://<[^/]+>/<.+>'), open('https://<[^/]+>/')]],
  ['a segment beside what is below any', [guarded('https://h/<[^/]+>/<.*>'), open('https://h/<[^/]*>')]],
  ['the guarded rule matches both', [open('https://h/a/<.*>'), guarded('https://<.*>/a<.*>')], FIRST],
  ['cleaning drops the slash', [guarded('https://h/a'), open('https://h/b')], 'paths: oathkeeper\n'],
  [
    'an earlier authenticator rejects',
    [guarded('https://h/a/<.*>'), rule('open', 'https://h/a', ['unauthorized', 'anonymous'])],
  ],
]
for (const [what, rules, config] of SILENT) {
  test(`not reported: ${what}`, async () => {
    assert.deepEqual(await reportsOf(rules, config), [])
  })
}
