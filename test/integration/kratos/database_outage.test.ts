/** With a failing database a real Kratos answers 401 as for an invalid credential, and only its admin API shows the outage. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { createBrowser, logIn, nativeLogin, sendRequest } from '../../../demo/browser.ts'
import type { Kratos } from '../../../demo/kratos.ts'
import { type KratosUnderTest, skipWithoutRealKratos, startKratosUnderTest } from './kratos_server.ts'

const NAME = 'ory_kratos_session'
const skip = skipWithoutRealKratos()
const folder = mkdtempSync(join(tmpdir(), 'credence-outage-'))
const file = join(folder, 'kratos.sqlite')
let server: KratosUnderTest
let kratos: Kratos
let cookie: string
let token: string
let id: string

before(async () => {
  if (skip !== false) return
  server = await startKratosUnderTest({ database: file })
  kratos = server.kratos
  const user = await kratos.createUser()
  const browser = createBrowser()
  await logIn(browser, kratos, user)
  cookie = `${NAME}=${browser.cookie(NAME)}`
  token = await nativeLogin(kratos, user)
  id = (await whoami({ cookie })).json<{ id: string }>().id
})
after(async () => {
  await server?.close()
  rmSync(folder, { recursive: true, force: true })
})

const whoami = (headers: Readonly<Record<string, string>>) =>
  sendRequest(`${kratos.publicUrl}/sessions/whoami`, { method: 'GET', headers })
const statusOf = async (url: string) => (await sendRequest(url, { method: 'GET', headers: {} })).status

/** `breakDatabase` returns the function that repairs the database. */
async function duringOutage(
  breakDatabase: (database: DatabaseSync) => () => void,
  run: () => Promise<void>,
): Promise<void> {
  assert.equal((await whoami({ cookie })).status, 200)
  const database = new DatabaseSync(file)
  try {
    const repair = breakDatabase(database)
    try {
      await run()
    } finally {
      repair()
    }
  } finally {
    database.close()
  }
  assert.equal((await whoami({ cookie })).status, 200, 'works again')
}

const without = (table: string) => (database: DatabaseSync) => {
  // Other tables keep their references to the name, as after a DROP TABLE.
  database.exec(
    `PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON; ALTER TABLE ${table} RENAME TO gone_for_a_test`,
  )
  return () => database.exec(`ALTER TABLE gone_for_a_test RENAME TO ${table}`)
}

const NO_SESSION =
  '{"error":{"code":401,"status":"Unauthorized","reason":"No valid session credentials found in the request.","message":"The request could not be authorized"}}'

for (const table of ['sessions', 'identities', 'identity_credentials']) {
  test(`without the table ${table} whoami answers 401, readiness 200 and the admin API 500`, {
    skip,
  }, async () => {
    await duringOutage(without(table), async () => {
      for (const headers of [{ cookie }, { 'x-session-token': token }]) {
        const page = await whoami(headers as Record<string, string>)
        assert.deepEqual([page.status, page.body.trim()], [401, NO_SESSION])
        assert.equal(page.headers.get('ory-session-cache-for'), undefined)
      }
      assert.equal(await statusOf(`${kratos.publicUrl}/health/ready`), 200)
      if (table === 'sessions') assert.equal(await statusOf(`${kratos.adminUrl}/admin/sessions/${id}`), 500)
    })
  })
}

test('a locked database causes 401 after the SQLite timeout of five seconds, while readiness stays 200', {
  skip,
}, async () => {
  const lock = (database: DatabaseSync) => {
    database.exec('BEGIN EXCLUSIVE')
    return () => database.exec('ROLLBACK')
  }
  await duringOutage(lock, async () => {
    // Before whoami: while a call waits for the lock, the ping needs a new connection and fails, too.
    assert.equal(await statusOf(`${kratos.publicUrl}/health/ready`), 200)
    const page = await whoami({ cookie })
    assert.deepEqual([page.status, page.body.trim()], [401, NO_SESSION])
    assert.equal((await whoami({})).status, 401)
  })
})

test('the admin API distinguishes a live session, an ended one and an unknown one', {
  skip,
}, async () => {
  const session = `${kratos.adminUrl}/admin/sessions`
  assert.equal(await statusOf(`${session}/${id}`), 200)
  assert.equal(await statusOf(`${session}/00000000-0000-4000-8000-000000000000`), 404)
  const other = await nativeLogin(kratos, await kratos.createUser())
  const ended = (await whoami({ 'x-session-token': other })).json<{ id: string }>().id
  await kratos.identities.disableSession({ id: ended })
  assert.equal((await kratos.identities.getSession({ id: ended })).data.active, false)
})
