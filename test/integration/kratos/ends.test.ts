/** Sessions that end by expiry or by a change of the configuration of Kratos. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrowser, logIn, nativeLogin, sendRequest } from '../../../demo/browser.ts'
import type { Kratos } from '../../../demo/kratos.ts'
import { skipWithoutOwnKratos, skipWithoutRealKratos, startKratosUnderTest } from './kratos_server.ts'

const NAME = 'ory_kratos_session'
const lifespan = (span: string) => (yml: string) => yml.replace('lifespan: 1h', `lifespan: ${span}`)
const statusOf = async (kratos: Kratos, headers: Readonly<Record<string, string>>) =>
  (await sendRequest(`${kratos.publicUrl}/sessions/whoami`, { method: 'GET', headers })).status

async function loggedIn(kratos: Kratos) {
  const user = await kratos.createUser()
  const browser = createBrowser()
  await logIn(browser, kratos, user)
  const token = await nativeLogin(kratos, user)
  return { cookie: { cookie: `${NAME}=${browser.cookie(NAME)}` }, token: { 'x-session-token': token } }
}

test('an expired session gets 401 for cookie and token, and stays in the database', {
  skip: skipWithoutOwnKratos(),
}, async () => {
  const server = await startKratosUnderTest({ edit: lifespan('2s') })
  try {
    const { cookie, token } = await loggedIn(server.kratos)
    const page = await sendRequest(`${server.kratos.publicUrl}/sessions/whoami`, {
      method: 'GET',
      headers: token,
    })
    const { id, expires_at } = page.json<{ id: string; expires_at: string }>()
    assert.equal(page.status, 200)
    await sleep(Date.parse(expires_at) - Date.now() + 50)
    assert.equal(await statusOf(server.kratos, token), 401)
    assert.equal(await statusOf(server.kratos, cookie), 401)
    assert.equal((await server.kratos.identities.getSession({ id })).data.active, false)
  } finally {
    await server.close()
  }
})

test('a cookie older than the configured lifespan is rejected, while the token of its session keeps working', {
  skip: skipWithoutRealKratos(),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'credence-ends-'))
  const database = join(folder, 'kratos.sqlite')
  try {
    const first = await startKratosUnderTest({ database })
    const { cookie, token } = await loggedIn(first.kratos).finally(() => first.close())
    const second = await startKratosUnderTest({ database, edit: lifespan('1s') })
    try {
      await sleep(1_500)
      assert.equal(
        await statusOf(second.kratos, token),
        200,
        'the same database and secrets: sessions survive',
      )
      assert.equal(await statusOf(second.kratos, cookie), 401)
    } finally {
      await second.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
