/** Secrets from files: `…_FILE` variables, for settings and for keys of handlers. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { z } from 'zod'
import { loadConfig, readSources } from '../../src/app/config.ts'
import { SETTINGS } from '../../src/app/settings.ts'
import { fileVariableName, flagName, variableName } from '../../src/config/setting.ts'
import { formatDiagnostic } from '../../src/documents/diagnostic.ts'
import { handlerVariableKeys } from '../../src/handlers/compile/sections.ts'
import { type AnyHandler, defineAuthenticator, eraseConfigType } from '../../src/handlers/handler.ts'
import { HANDLERS as ALL_HANDLERS } from '../../src/handlers/registry.ts'
import { redisSettings } from '../../src/sessions/replication/settings.ts'
import { revocationSettings } from '../../src/sessions/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-secrets-'))
after(() => rmSync(folder, { recursive: true }))
const fileWith = (name: string, text: string): string => {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

const HANDLERS = [
  eraseConfigType(
    defineAuthenticator({
      summary: 'for this test',
      example: {},
      compile: () => () => {
        throw new Error('never run')
      },
      id: 'jwt',
      config: z.strictObject({
        token: z.string().meta({ writeOnly: true }).optional(),
        plain: z.string().optional(),
      }),
    }),
  ),
] as unknown as readonly AnyHandler[]

async function load(env: NodeJS.ProcessEnv) {
  const { sources } = await readSources({ configFiles: [], flags: new Map(), env }, HANDLERS)
  const { config, bestEffort, issues } = loadConfig(sources, HANDLERS)
  return { config, bestEffort, issues: issues.map(formatDiagnostic) }
}

const PASSWORD_FILE = 'CREDENCE_SESSIONS_REDIS_PASSWORD_FILE'

test('a secret is read from its file, without the newline at the end', async () => {
  for (const [text, secret] of [
    ['hunter2', 'hunter2'],
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n', 'hunter2'],
    [' hunter2 \n\n', ' hunter2 \n'],
  ] as const) {
    const { config, issues } = await load({ [PASSWORD_FILE]: fileWith('password', text) })
    assert.deepEqual(issues, [])
    assert.equal(config?.get(redisSettings.password), secret)
  }
})

test('a list of secrets is written as in its variable', async () => {
  const keys = ['a key of sixteen characters', 'another key of sixteen characters']
  const { config } = await load({
    CREDENCE_SESSIONS_REVOCATION_KEYS_FILE: fileWith('keys', `${keys.join(',')}\n`),
  })
  assert.deepEqual(config?.get(revocationSettings.keys), keys)
})

test('a file that cannot be read or is empty is an error that names variable and file', async () => {
  const missing = join(folder, 'missing')
  assert.deepEqual((await load({ [PASSWORD_FILE]: missing })).issues, [
    `environment: error: ${PASSWORD_FILE}: ${missing} cannot be read: the file does not exist`,
  ])
  const empty = fileWith('empty', '\n')
  const { config, issues } = await load({ [PASSWORD_FILE]: empty })
  assert.equal(config, undefined)
  assert.deepEqual(issues, [
    `environment: error: ${PASSWORD_FILE}: ${empty} is empty (write the secret into it)`,
  ])
})

test('it is an error to set both variables, and the message quotes neither', async () => {
  const env = {
    CREDENCE_SESSIONS_REDIS_PASSWORD: 'inline-secret',
    [PASSWORD_FILE]: fileWith('password', 'file-secret'),
  }
  const { issues } = await load(env)
  assert.deepEqual(issues, [
    `environment: error: ${PASSWORD_FILE}: and CREDENCE_SESSIONS_REDIS_PASSWORD are both set (set one of them)`,
  ])
})

test('a value that is not valid is reported by the variable of the file, and is not quoted', async () => {
  const { issues } = await load({ CREDENCE_SESSIONS_REVOCATION_KEYS_FILE: fileWith('keys', 'short-secret') })
  assert.equal(issues.length, 1)
  assert.match(issues[0] ?? '', /^environment: error: CREDENCE_SESSIONS_REVOCATION_KEYS_FILE: must have/)
  assert.ok(!issues.join().includes('short-secret'))
})

test('Oathkeeper’s secrets and those of handlers have such a variable, too', async () => {
  const { config, issues } = await load({
    tracing_providers_otlp_authorization_header_file: fileWith('header', 'Bearer x\n'),
    AUTHENTICATORS_JWT_CONFIG_TOKEN_FILE: fileWith('token', 'y\n'),
    AUTHENTICATORS_JWT_CONFIG_PLAIN_FILE: fileWith('plain', 'z\n'),
    AUTHENTICATORS_JWT_ENABLED: 'true',
  })
  assert.deepEqual(issues, [])
  const header = SETTINGS.find(one => one.path === 'tracing.providers.otlp.authorization_header')
  assert.equal(header && config?.get(header), 'Bearer x')
  assert.deepEqual({ ...config?.handlers.authenticator.get('jwt')?.config }, { token: 'y' })
})

test('a setting that is no secret has no variable for a file', async () => {
  const { issues } = await load({ CREDENCE_PATHS_FILE: fileWith('paths', 'strict') })
  assert.equal(issues.length, 1)
  assert.match(issues[0] ?? '', /CREDENCE_PATHS_FILE: unknown variable/)
})

test('a secret that was not read is an error, not an empty secret', () => {
  const { issues } = loadConfig(
    { files: [], env: { [PASSWORD_FILE]: '/run/secrets/redis' }, flags: new Map() },
    HANDLERS,
  )
  assert.match(issues.map(formatDiagnostic).join(), /names a file that was not read/)
})

test('no secret has a flag, and the name of every secret says what it is', () => {
  const secrets = SETTINGS.filter(one => one.secret && one.ignoredBecause === undefined)
  assert.deepEqual(
    secrets.map(one => [one.path, flagName(one)]),
    [
      ['serve.grpc.tls.key.base64', undefined],
      ['serve.api.tls.key.base64', undefined],
      ['serve.api.admin.keys', undefined],
      ['sessions.outage_detection.canary_session', undefined],
      ['sessions.revocation.keys', undefined],
      ['sessions.redis.password', undefined],
      ['sessions.redis.sentinel_password', undefined],
      ['sessions.redis.keys', undefined],
      ['log.decisions.hash_key', undefined],
      ['tracing.providers.otlp.authorization_header', undefined],
    ],
  )
  for (const one of SETTINGS) {
    const suspicious = /password|secret|canary|\bkeys$|_key$|authorization|base64/.test(one.path)
    if (suspicious) assert.ok(one.secret || one.path.endsWith('cert.base64'), one.path)
  }
  assert.equal(fileVariableName(variableName(redisSettings.keys)), 'CREDENCE_SESSIONS_REDIS_KEYS_FILE')
})

test('the secrets of the handlers are marked', () => {
  const secrets = handlerVariableKeys(ALL_HANDLERS).filter(one => one.secret)
  assert.deepEqual(
    secrets.map(one => one.path.slice(1).join('.')),
    [
      'oauth2_introspection.config.pre_authorization.client_secret',
      'hydrator.config.api.auth.basic.password',
    ],
  )
})
