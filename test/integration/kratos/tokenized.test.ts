/** JWTs that Kratos issues for sessions (`tokenize_as`), verified by the authenticator `jwt`. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { nativeLogin, sendRequest } from '../../../demo/browser.ts'
import type { Kratos, User } from '../../../demo/kratos.ts'
import type { Denial } from '../../../src/access/denial.ts'
import type { Identity } from '../../../src/access/session.ts'
import { loadConfig } from '../../../src/app/config.ts'
import { createServices } from '../../../src/app/services.ts'
import { createHttpClient } from '../../../src/clients/http/client.ts'
import { bearerToken } from '../../../src/handlers/authenticators/bearer_token.ts'
import { jwt } from '../../../src/handlers/authenticators/jwt.ts'
import { HANDLERS } from '../../../src/handlers/registry.ts'
import { compileHandler } from '../../handlers/build.ts'
import { realClock } from '../../support/clock.ts'
import { requestWith } from '../../support/request.ts'
import { type KratosUnderTest, skipWithoutRealKratos, startKratosUnderTest } from './kratos_server.ts'

const skip = skipWithoutRealKratos()
const folder = mkdtempSync(join(tmpdir(), 'credence-tokenized-'))
const http = createHttpClient({ clock: realClock })
let server: KratosUnderTest
let kratos: Kratos
let user: User
let token: string

/** Kratos publishes no key set, so the operator distributes the public keys. */
async function writeKeys(): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const about = { kid: 'sessions', use: 'sig', alg: 'ES256' }
  const write = (name: string, keys: object[]) => writeFileSync(join(folder, name), JSON.stringify({ keys }))
  write('private.json', [{ ...(await exportJWK(privateKey)), ...about }])
  write('public.json', [{ ...(await exportJWK(publicKey)), ...about }])
}

before(async () => {
  if (skip !== false) return
  await writeKeys()
  const keys = `jwks_url: "file://${join(folder, 'private.json')}"`
  const tokenizer = `tokenizer: { templates: { app: { ${keys}, ttl: 1m }, endless: { ${keys} } } }`
  server = await startKratosUnderTest({
    edit: yml =>
      yml.replace('whoami: { required_aal: aal1 }', `whoami: { required_aal: aal1, ${tokenizer} }`),
  })
  kratos = server.kratos
  user = await kratos.createUser()
  token = await nativeLogin(kratos, user)
})
after(async () => {
  await http.close()
  await server?.close()
  rmSync(folder, { recursive: true, force: true })
})

const whoami = (headers: Readonly<Record<string, string>>, query = '') =>
  sendRequest(`${kratos.publicUrl}/sessions/whoami${query}`, { method: 'GET', headers })
const tokenized = async (template: string) =>
  (await whoami({ 'x-session-token': token }, `?tokenize_as=${template}`)).json<{
    id: string
    tokenized: string
  }>()

const { config } = loadConfig({ files: [], env: {}, flags: new Map() }, HANDLERS)
assert.ok(config !== undefined)
const { services } = createServices({
  config,
  send: http.send,
  fetch: http.send,
  clock: realClock,
  onKeyProblem: () => {},
})
const bearer = (value: string) => requestWith([['authorization', `Bearer ${value}`]])

async function ask(value: string, over: object = {}): Promise<Identity | Denial> {
  const rule = {
    jwks_urls: [`file://${join(folder, 'public.json')}`],
    allowed_algorithms: ['ES256'],
    trusted_issuers: [`${kratos.publicUrl}/`],
    require_exp: true,
    ...over,
  }
  return (await compileHandler(jwt, rule, services)(bearer(value))) as Identity | Denial
}

test('a session as a JWT has the identity as subject and the session id as a claim', { skip }, async () => {
  const { id, tokenized: text } = await tokenized('app')
  const outcome = await ask(text)
  assert.ok(outcome.kind === 'identity', JSON.stringify(outcome))
  assert.equal(outcome.subject, user.id)
  assert.equal(outcome.extra?.sid, id)
})

test('the issuer is the public URL of Kratos including its final slash', { skip }, async () => {
  const { tokenized: text } = await tokenized('app')
  const outcome = await ask(text, { trusted_issuers: [kratos.publicUrl] })
  assert.ok(outcome.kind === 'denial')
  assert.match(outcome.reason, /issuer/)
})

test('a template without ttl issues expired tokens, and the reason says so (J14)', {
  skip,
}, async () => {
  const { tokenized: text } = await tokenized('endless')
  const outcome = await ask(text)
  assert.ok(outcome.kind === 'denial')
  assert.deepEqual(
    [outcome.status, outcome.reason],
    [401, 'the token expired when it was issued: its template has no ttl'],
  )
})

test('a token with a changed character is rejected', { skip }, async () => {
  const { tokenized: text } = await tokenized('app')
  const at = text.length - 20
  const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
  const outcome = await ask(changed)
  assert.equal(outcome.kind === 'denial' && outcome.status, 401)
})

test('Kratos accepts no JWT as a session, and bearer_token leaves it to jwt without a call', {
  skip,
}, async () => {
  const { tokenized: text } = await tokenized('app')
  assert.equal((await whoami({ authorization: `Bearer ${text}` })).status, 401)
  const rule = { check_session_url: `${kratos.publicUrl}/sessions/whoami` }
  const nobody = {
    ...services,
    kratos: { ...services.kratos, verify: () => assert.fail('Kratos was asked') },
  }
  assert.equal((await compileHandler(bearerToken, rule, nobody)(bearer(text))).kind, 'not responsible')
})
