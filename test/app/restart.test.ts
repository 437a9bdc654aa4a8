import assert from 'node:assert/strict'
import test from 'node:test'
import { type Config, loadConfig } from '../../src/app/config.ts'
import { changesPendingRestart } from '../../src/app/restart.ts'
import { SETTINGS } from '../../src/app/settings.ts'
import { formatDiagnostic } from '../../src/documents/diagnostic.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'

function configOf(text: string): Config {
  const { config, issues } = loadConfig(
    { files: [{ source: 'c.yml', text }], env: {}, flags: new Map() },
    HANDLERS,
  )
  assert.ok(config !== undefined, issues.map(formatDiagnostic).join('\n'))
  return config
}
const pendingChanges = (before: string, after: string): string[] =>
  changesPendingRestart(configOf(before), configOf(after)).map(formatDiagnostic)

test('a changed setting that needs a restart is reported with its position', () => {
  assert.deepEqual(
    pendingChanges('serve: {grpc: {port: 9191}}', 'serve:\n  grpc: {port: 9192}\nsessions: {timeout: 3s}'),
    [
      'c.yml:2:16: warning: serve.grpc.port: changed, and takes effect at the next start (restart the service)',
      'c.yml:3:21: warning: sessions.timeout: changed, and takes effect at the next start (restart the service)',
    ],
  )
})

test('removing a setting changes it, setting its default does not', () => {
  assert.equal(pendingChanges('paths: oathkeeper', '').length, 1)
  assert.deepEqual(pendingChanges('', 'paths: strict\nserve: {grpc: {port: 9191}}'), [])
})

test('a changed secret is not quoted', () => {
  const [issue = ''] = pendingChanges('', 'sessions: {revocation: {keys: [marked-0123456789]}}')
  assert.match(issue, /sessions\.revocation\.keys/)
  assert.doesNotMatch(issue, /marked/)
})

test('settings that a reload applies are not reported', () => {
  const live = `
access_rules: {repositories: [file:///a], matching_strategy: glob, poll_interval: 10s}
errors: {fallback: [redirect]}
log: {level: debug}
strict: true
authenticators: {anonymous: {enabled: true, config: {subject: x}}}`
  assert.deepEqual(pendingChanges('', live), [])
})

test('the times of key sets need a restart, unlike the rest of the handler', () => {
  const jwt = (more: string) =>
    `authenticators: {jwt: {enabled: true, config: {jwks_urls: ["https://a/b"], ${more}}}}`
  const found = pendingChanges(jwt('required_scope: [a]'), jwt('required_scope: [b], jwks_ttl: 5s'))
  assert.equal(found.length, 1)
  assert.match(found[0] ?? '', /authenticators\.jwt\.config\.jwks_ttl: changed/)
})

test('the times of key sets are compared as they are used: 1m30s is a duration, 0s the default', () => {
  const jwt = (times: string) =>
    `authenticators: {jwt: {enabled: true, config: {jwks_urls: ["https://a/b"], ${times}}}}`
  assert.deepEqual(pendingChanges(jwt('jwks_ttl: 90s'), jwt('jwks_ttl: 1m30s')), [])
  assert.deepEqual(pendingChanges(jwt('jwks_ttl: 30s'), jwt('jwks_ttl: 0s')), [])
  assert.equal(pendingChanges(jwt('jwks_max_wait: 1m'), jwt('jwks_max_wait: 1m30s')).length, 1)
})

test('exactly these settings are applied by a reload', () => {
  const live = SETTINGS.flatMap(one => (one.reloadable && one.ignoredBecause === undefined ? [one.path] : []))
  assert.deepEqual(live, [
    'access_rules.repositories',
    'access_rules.poll_interval',
    'access_rules.matching_strategy',
    'access_rules.on_multiple_matches',
    'access_rules.default_rule',
    'access_rules.required',
    'errors.fallback',
    'errors.pages.enabled',
    'errors.pages.title',
    'errors.pages.logo',
    'errors.pages.accent',
    'errors.pages.support_url',
    'errors.pages.language',
    'hosts',
    'strict',
    'log.level',
    'version',
  ])
})
