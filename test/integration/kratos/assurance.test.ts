/** Second factors, `Ory-Session-Cache-For` and the times of sessions, with a Kratos that requires the highest available level. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  createBrowser,
  enrollBackupCodes,
  logIn,
  nativeLogin,
  nativeStepUp,
  type Page,
  sendRequest,
} from '../../../demo/browser.ts'
import type { Kratos } from '../../../demo/kratos.ts'
import { createHttpClient } from '../../../src/clients/http/client.ts'
import { createWhoami } from '../../../src/clients/kratos.ts'
import { millis } from '../../../src/lib/time.ts'
import { readWhoamiResponse } from '../../../src/sessions/kratos/whoami_response.ts'
import { realClock } from '../../support/clock.ts'
import {
  type KratosUnderTest,
  kratosVersion,
  skipWithoutOwnKratos,
  startKratosUnderTest,
} from './kratos_server.ts'

const NAME = 'ory_kratos_session'
const skip = skipWithoutOwnKratos()
let server: KratosUnderTest
let kratos: Kratos
let old: boolean
const http = createHttpClient({ clock: realClock })

before(async () => {
  if (skip !== false) return
  server = await startKratosUnderTest({
    edit: yml =>
      `${yml.replace('required_aal: aal1', 'required_aal: highest_available')}feature_flags: { cacheable_sessions: true }\n`,
  })
  kratos = server.kratos
  old = (await kratosVersion(kratos)) === 'v1.3.1'
})
after(async () => {
  await http.close()
  await server?.close()
})

interface SessionJson {
  readonly id: string
  readonly expires_at: string
  readonly authenticated_at: string
  readonly issued_at: string
  readonly authenticator_assurance_level: string
  readonly authentication_methods: readonly { readonly method: string; readonly aal: string }[]
}

const whoami = (headers: Readonly<Record<string, string>>, query = ''): Promise<Page> =>
  sendRequest(`${kratos.publicUrl}/sessions/whoami${query}`, { method: 'GET', headers })
const byToken = (token: string) => whoami({ 'x-session-token': token })
const finding = async (value: string) => {
  const credential = { kind: 'token', name: '', value } as const
  const callWhoami = createWhoami({ send: http.send, timeout: millis(5_000) })
  const answer = await callWhoami({ url: `${kratos.publicUrl}/sessions/whoami`, headers: [], credential })
  return readWhoamiResponse(answer, '', realClock.wall())
}

/** A user with a second factor: a session with it, one without, and backup codes. */
async function createUserWithSecondFactor() {
  const user = await kratos.createUser()
  const [enrolling, other] = [await nativeLogin(kratos, user), await nativeLogin(kratos, user)]
  const codes = await enrollBackupCodes(kratos, enrolling)
  return { user, enrolling, other, codes }
}

test('a user without a second factor passes with required_aal: highest_available', { skip }, async () => {
  const token = await nativeLogin(kratos, await kratos.createUser())
  assert.equal((await byToken(token)).json<SessionJson>().authenticator_assurance_level, 'aal1')
})

test('after enrolment that session is aal2 at once, and all other sessions of the user get 403', {
  skip,
}, async () => {
  const { enrolling, other, user } = await createUserWithSecondFactor()
  assert.equal((await byToken(enrolling)).json<SessionJson>().authenticator_assurance_level, 'aal2')
  const browser = createBrowser()
  await logIn(browser, kratos, user)
  for (const headers of [
    { 'x-session-token': other },
    { cookie: browser.cookies },
    { 'x-session-token': other, accept: 'text/html' },
  ]) {
    const page = await whoami(headers as Record<string, string>)
    assert.equal(page.status, 403)
    const { error, redirect_browser_to } = page.json<{ error: { id: string }; redirect_browser_to: string }>()
    assert.equal(error.id, 'session_aal2_required')
    assert.equal(redirect_browser_to, `${kratos.publicUrl}/self-service/login/browser?aal=aal2`)
    assert.equal(page.headers.get('ory-error-id'), old ? undefined : 'session_aal2_required')
  }
})

test('that 403 is read as a missing second factor with its login URL', {
  skip,
}, async () => {
  const { other } = await createUserWithSecondFactor()
  const loginUrl = `${kratos.publicUrl}/self-service/login/browser?aal=aal2`
  assert.deepEqual(await finding(other), { kind: 'second factor', loginUrl })
})

test('a step-up keeps session and token and updates its times, except issued_at in v1.3.1', {
  skip,
}, async () => {
  const { user, other, codes } = await createUserWithSecondFactor()
  const sessions = (await kratos.identities.listIdentitySessions({ id: user.id })).data
  await nativeStepUp(kratos, other, codes[0] as string)
  const after = (await byToken(other)).json<SessionJson>()
  const before = sessions.find(({ id }) => id === after.id) as unknown as SessionJson
  assert.deepEqual(
    after.authentication_methods.map(({ method, aal }) => [method, aal]),
    [
      ['password', 'aal1'],
      ['lookup_secret', 'aal2'],
    ],
  )
  assert.equal(after.authenticator_assurance_level, 'aal2')
  for (const name of ['authenticated_at', 'expires_at', 'issued_at'] as const) {
    const moved = Date.parse(after[name]) > Date.parse(before[name])
    assert.equal(moved, name !== 'issued_at' || !old, name)
  }
})

test('a verified session has the level of its second factor', { skip }, async () => {
  const { enrolling } = await createUserWithSecondFactor()
  const found = await finding(enrolling)
  assert.ok(found.kind === 'verified')
  assert.equal(found.session.aal, 'aal2')
})

test('with the feature flag Kratos sends Ory-Session-Cache-For; with a 401 only if it did not use its database', {
  skip,
}, async () => {
  const token = await nativeLogin(kratos, await kratos.createUser())
  const cacheFor = async (headers: Readonly<Record<string, string>>) =>
    (await whoami(headers)).headers.get('ory-session-cache-for')
  const rest = Number(await cacheFor({ 'x-session-token': token }))
  assert.ok(rest > 3_500 && rest <= 3_600, String(rest))
  for (const headers of [{}, { cookie: `${NAME}=garbage` }, { 'x-session-token': '' }]) {
    assert.equal(await cacheFor(headers as Record<string, string>), '60')
  }
  assert.equal(await cacheFor({ 'x-session-token': `ory_st_${'q'.repeat(32)}` }), undefined)
  const found = await finding(token)
  assert.ok(found.kind === 'verified')
  assert.equal(found.cacheFor.length, 1)
})
