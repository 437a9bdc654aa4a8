/**
 * Compares the responses of the stand-in with recordings of Kratos v26.2.0, status, headers and body.
 * Long because every recording is checked in the order of the recorded session.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { createBrowser } from '../../demo/browser.ts'
import { parseStandInSettings } from '../../demo/kratos_standin/settings.ts'
import { STAND_IN_NAME, type StandIn, startStandIn } from '../../demo/kratos_standin/standin.ts'
import { choosePorts, type Ports, replacePorts } from '../../demo/ports.ts'
import { type Comparable, toComparable } from './masking.ts'

type Row = Comparable & { readonly name: string }
const recorded = new Map(
  readFileSync(new URL('recordings.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Row)
    .map(row => [row.name, row] as const),
)
const unusedRecordings = new Set(recorded.keys())
const yaml = readFileSync(new URL('../../demo/kratos/kratos.yml', import.meta.url), 'utf8')

let ports: Ports
let standIn: StandIn
before(async () => {
  ports = await choosePorts(false)
  // The recorded Kratos had the root as its default return URL.
  const text = replacePorts(yaml, ports).replace(/(default_browser_return_url: \S+)\/admin/, '$1/')
  standIn = await startStandIn(parseStandInSettings(text))
})
after(() => standIn.close())

interface Raw {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

/** Sends the header lines as given, including several with one name, and adds Host only. */
function sendTo(
  port: 'kratosPublic' | 'kratosAdmin',
  target: string,
  headers: readonly string[] = [],
  body = '',
): Promise<Raw> {
  const [method = 'GET', path = '/'] = target.split(' ')
  const lines = ['Host', `127.0.0.1:${ports[port]}`, ...headers]
  if (body !== '') lines.push('Content-Length', String(Buffer.byteLength(body)))
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: ports[port],
      path,
      method,
      headers: lines,
      agent: false,
    })
    outgoing.on('error', reject)
    outgoing.on('response', response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('end', () => {
        const raw = response.rawHeaders
        resolve({
          status: response.statusCode ?? 0,
          headers: raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] as string] as const] : [])),
          body: Buffer.concat(chunks).toString(),
        })
      })
    })
    outgoing.end(body)
  })
}

const sendPublic = (target: string, headers?: readonly string[], body?: string) =>
  sendTo('kratosPublic', target, headers, body)
const sendAdmin = (target: string, body = '') =>
  sendTo('kratosAdmin', target, body === '' ? [] : ['Content-Type', 'application/json'], body)
const setKnobs = (set: object) => sendAdmin('POST /__standin/knobs', JSON.stringify(set))

/** Asserts that the response equals the recording of the same request. */
function assertSameAsRecording(name: string, raw: Raw): void {
  const row = recorded.get(name)
  assert.ok(row !== undefined, `no recording ${name}`)
  unusedRecordings.delete(name)
  const { status, headers, body } = row
  assert.deepEqual(toComparable(raw.status, raw.headers, raw.body), { status, headers, body }, name)
}

const JSON_ACCEPT = ['Accept', 'application/json']
const FORM = ['Accept', 'text/html', 'Content-Type', 'application/x-www-form-urlencoded']
const JSON_BODY = ['Accept', 'application/json', 'Content-Type', 'application/json']
const PASSWORD = 'correct horse 7'
const WHOAMI = 'GET /sessions/whoami'

const parseBody = <T>(raw: Raw): T => JSON.parse(raw.body) as T
const setCookie = (raw: Raw, start: string): string => {
  const line = raw.headers.find(([name, value]) => /^set-cookie$/i.test(name) && value.startsWith(start))
  assert.ok(line !== undefined, `no cookie ${start}`)
  return (line[1].split(';')[0] as string).slice(line[1].indexOf('=') + 1)
}

interface Flow {
  readonly id: string
  readonly ui: {
    readonly nodes: readonly { readonly attributes: { readonly name: string; readonly value?: string } }[]
  }
}

async function createUser(email: string, more: object = {}): Promise<Raw> {
  const credentials = { password: { config: { password: PASSWORD } } }
  return sendAdmin(
    'POST /admin/identities',
    JSON.stringify({ schema_id: 'users', traits: { email }, credentials, ...more }),
  )
}

async function loginToken(email: string): Promise<string> {
  const flow = parseBody<Flow>(await sendPublic('GET /self-service/login/api', JSON_ACCEPT))
  const body = JSON.stringify({ method: 'password', identifier: email, password: PASSWORD })
  const done = await sendPublic(`POST /self-service/login?flow=${flow.id}`, JSON_BODY, body)
  return parseBody<{ session_token: string }>(done).session_token
}

const csrfLine = (raw: Raw): string => {
  const [, line = ''] = raw.headers.find(([, value]) => value.startsWith('csrf_token_')) ?? []
  return line.split(';')[0] as string
}

interface StartedFlow {
  readonly raw: Raw
  readonly flow: Flow
  /** Cookie `csrf_token_…=…`, as a browser sends it. */
  readonly csrf: string
  readonly formToken: string
}

async function startLoginFlow(target = 'GET /self-service/login/browser'): Promise<StartedFlow> {
  const raw = await sendPublic(target, JSON_ACCEPT)
  const flow = parseBody<Flow>(raw)
  const node = flow.ui.nodes.find(one => one.attributes.name === 'csrf_token')
  return { raw, flow, csrf: csrfLine(raw), formToken: node?.attributes.value ?? '' }
}

/** Logs in with the browser flow; resolves to the value of the session cookie. */
async function loginCookie(email: string): Promise<string> {
  const { flow, csrf, formToken } = await startLoginFlow()
  const body = JSON.stringify({
    method: 'password',
    csrf_token: formToken,
    identifier: email,
    password: PASSWORD,
  })
  const done = await sendPublic(
    `POST /self-service/login?flow=${flow.id}`,
    [...JSON_BODY, 'Cookie', csrf],
    body,
  )
  return setCookie(done, 'ory_kratos_session=')
}

const cookieHeaders = (value: string) => [...JSON_ACCEPT, 'Cookie', `ory_kratos_session=${value}`]
const tokenHeaders = (value: string) => [...JSON_ACCEPT, 'X-Session-Token', value]
const bearerHeaders = (value: string) => [...JSON_ACCEPT, 'Authorization', `Bearer ${value}`]

interface WhoamiJson {
  readonly identity: {
    readonly external_id?: string
    readonly metadata_public: unknown
    readonly traits: { readonly email: string }
  }
}

const HI = 'hi@example.com'
const CAROL = 'carol@example.com'

describe('the stand-in responds as Kratos does', () => {
  test('identities and health', async () => {
    const more = { metadata_public: { plan: 'free' }, metadata_admin: { secret: 'x' }, external_id: 'ext-1' }
    assertSameAsRecording('aux-identity-create', await createUser(HI, more))
    assertSameAsRecording('aux-identity-duplicate', await createUser(HI))
    assertSameAsRecording('aux-health-ready', await sendPublic('GET /health/ready'))
    assertSameAsRecording('aux-health-alive', await sendPublic('GET /health/alive'))
    await createUser(CAROL)
  })

  test('the login of a native client', async () => {
    const begun = await sendPublic('GET /self-service/login/api', JSON_ACCEPT)
    assertSameAsRecording('login-api-1-flow', begun)
    const submit = `POST /self-service/login?flow=${parseBody<Flow>(begun).id}`
    const wrong = { method: 'password', identifier: HI, password: 'wrong password' }
    assertSameAsRecording(
      'login-api-wrong-2-submit',
      await sendPublic(submit, JSON_BODY, JSON.stringify(wrong)),
    )
    const right = { ...wrong, password: PASSWORD }
    assertSameAsRecording('login-api-2-submit', await sendPublic(submit, JSON_BODY, JSON.stringify(right)))
  })

  test('the login of a browser', async () => {
    const { raw, flow, csrf, formToken } = await startLoginFlow()
    assertSameAsRecording('login-browser-1-flow', raw)
    const fields = { method: 'password', csrf_token: formToken, identifier: HI, password: PASSWORD }
    const submit = `POST /self-service/login?flow=${flow.id}`
    assertSameAsRecording(
      'login-browser-2-submit',
      await sendPublic(submit, [...JSON_BODY, 'Cookie', csrf], JSON.stringify(fields)),
    )

    const back = `return_to=http://127.0.0.1:${ports.envoy}/app`
    const sent = await sendPublic(`GET /self-service/login/browser?${back}`, ['Accept', 'text/html'])
    assertSameAsRecording('login-html-1-redirect', sent)
    const id = /flow=([0-9a-f-]+)/.exec(sent.body)?.[1]
    const shown = await sendPublic(`GET /self-service/login/flows?id=${id}`, [
      ...JSON_ACCEPT,
      'Cookie',
      csrfLine(sent),
    ])
    const formField = parseBody<Flow>(shown).ui.nodes[0]?.attributes.value ?? ''
    const form = new URLSearchParams({ ...fields, csrf_token: formField }).toString()
    assertSameAsRecording(
      'login-html-2-submit',
      await sendPublic(`POST /self-service/login?flow=${id}`, [...FORM, 'Cookie', csrfLine(sent)], form),
    )
  })

  test('the start of a login by client and parameters', async () => {
    const session = cookieHeaders(await loginCookie(HI)).slice(2)
    const html = ['Accept', 'text/html']
    const start = 'GET /self-service/login/browser'
    const app = `http://127.0.0.1:${ports.envoy}`
    const rows: readonly (readonly [string, string, readonly string[]])[] = [
      ['login-init-nosession-html', start, html],
      ['login-init-session-html', `${start}?return_to=${app}/x`, [...session, ...html]],
      ['login-init-session-json', start, [...session, ...JSON_ACCEPT]],
      ['login-init-session-accept-any', start, [...session, 'Accept', '*/*']],
      ['login-init-axios-accept', start, ['Accept', 'application/json, text/plain, */*']],
      ['login-init-aal2-nosession-html', `${start}?aal=aal2`, html],
      ['login-init-aal2-nosession-json', `${start}?aal=aal2`, JSON_ACCEPT],
      ['login-init-refresh-session-html', `${start}?refresh=true`, [...session, ...html]],
      ['login-init-returnto-forbidden-html', `${start}?return_to=https://evil.test/`, html],
      ['login-init-returnto-forbidden-json', `${start}?return_to=https://evil.test/`, JSON_ACCEPT],
      ['login-init-returnto-relative', `${start}?return_to=/foo`, [...session, ...html]],
    ]
    for (const [name, target, headers] of rows) assertSameAsRecording(name, await sendPublic(target, headers))
  })

  test('whoami with one credential', async () => {
    const [c, t] = [await loginCookie(HI), await loginToken(HI)]
    const flipped = (c.at(-10) === 'A' ? 'B' : 'A') + c.slice(-9)
    const rows: readonly (readonly [string, readonly string[], string?])[] = [
      ['whoami-cookie-valid', cookieHeaders(c)],
      ['whoami-token-valid', tokenHeaders(t)],
      ['whoami-bearer-valid', bearerHeaders(t)],
      ['whoami-bearer-lowercase-scheme', [...JSON_ACCEPT, 'Authorization', `bearer ${t}`]],
      ['whoami-bearer-two-spaces', [...JSON_ACCEPT, 'Authorization', `Bearer  ${t}`]],
      ['whoami-token-spaces', tokenHeaders(`  ${t}  `)],
      ['whoami-two-token-headers', [...tokenHeaders(t), 'X-Session-Token', 'ory_st_other']],
      ['whoami-none', JSON_ACCEPT],
      ['whoami-cookie-garbage', cookieHeaders('garbage')],
      ['whoami-cookie-tampered', cookieHeaders(c.slice(0, -10) + flipped)],
      ['whoami-cookie-empty', cookieHeaders('')],
      ['whoami-cookie-quoted', cookieHeaders(`"${c}"`)],
      ['whoami-cookie-percent-encoded-padding', cookieHeaders(c.replace(/=+$/, '%3D'))],
      ['whoami-cookie-unpadded', cookieHeaders(`${c.replace(/=+$/, '')}${c.endsWith('=') ? '' : 'x'}`)],
      ['whoami-cookie-joined-with-comma', [...JSON_ACCEPT, 'Cookie', `a=1,ory_kratos_session=${c}`]],
      ['whoami-token-garbage', tokenHeaders(`ory_st_${'q'.repeat(32)}`)],
      ['whoami-token-empty', tokenHeaders('')],
      ['whoami-bearer-garbage', bearerHeaders(`ory_st_${'q'.repeat(32)}`)],
      ['whoami-request-id-401', [...JSON_ACCEPT, 'X-Request-ID', 'rid-123']],
      ['whoami-request-id-200', [...tokenHeaders(t), 'X-Request-ID', 'rid-123']],
      ['whoami-head', cookieHeaders(c), 'HEAD /sessions/whoami'],
      ['whoami-post', cookieHeaders(c), 'POST /sessions/whoami'],
      ['whoami-delete', cookieHeaders(c), 'DELETE /sessions/whoami'],
      ['whoami-options', cookieHeaders(c), 'OPTIONS /sessions/whoami'],
      ['whoami-trailing-slash', cookieHeaders(c), 'GET /sessions/whoami/'],
      ['whoami-double-slash', cookieHeaders(c), 'GET //sessions/whoami'],
      ['whoami-tokenize-unknown', cookieHeaders(c), 'GET /sessions/whoami?tokenize_as=unknown'],
    ]
    for (const [name, headers, target = WHOAMI] of rows)
      assertSameAsRecording(name, await sendPublic(target, headers))
    const { identity } = parseBody<WhoamiJson>(await sendPublic(WHOAMI, cookieHeaders(c)))
    assert.equal(identity.external_id, 'ext-1')
    assert.deepEqual(identity.metadata_public, { plan: 'free' })
    assertSameAsRecording('whoami-on-admin-port', await sendTo('kratosAdmin', WHOAMI, cookieHeaders(c)))
  })

  test('whoami with several credentials', async () => {
    const [tokenA, cookieA, cookieB] = [await loginToken(HI), await loginCookie(HI), await loginCookie(CAROL)]
    const revoked = await loginCookie(CAROL)
    const whose = parseBody<{ id: string }>(await sendPublic(WHOAMI, cookieHeaders(revoked))).id
    assertSameAsRecording('revoke-admin-delete-session', await sendAdmin(`DELETE /admin/sessions/${whose}`))
    const both = (one: readonly string[], other: readonly string[]) => [...one, ...other.slice(2)]
    const cookies = (...values: string[]) => [
      ...JSON_ACCEPT,
      'Cookie',
      values.map(value => `ory_kratos_session=${value}`).join('; '),
    ]
    const rows: readonly (readonly [string, readonly string[], string])[] = [
      ['whoami-both-tokenA-cookieB', both(tokenHeaders(tokenA), cookieHeaders(cookieB)), HI],
      ['whoami-both-tokenA-garbagecookie', both(tokenHeaders(tokenA), cookieHeaders('garbage')), ''],
      ['whoami-both-garbagetoken-cookieA', both(tokenHeaders('ory_st_x'), cookieHeaders(cookieA)), ''],
      ['whoami-both-bearerA-cookieB', both(bearerHeaders(tokenA), cookieHeaders(cookieB)), CAROL],
      ['whoami-both-bearerA-garbagecookie', both(bearerHeaders(tokenA), cookieHeaders('garbage')), ''],
      ['whoami-two-cookies-good-first', cookies(cookieA, 'garbage'), HI],
      ['whoami-two-cookies-garbage-first', cookies('garbage', cookieA), HI],
      [
        'whoami-two-cookie-headers-B-then-A',
        [...cookieHeaders(cookieB), ...cookieHeaders(cookieA).slice(2)],
        CAROL,
      ],
      ['whoami-two-cookies-revoked-first-then-good', cookies(revoked, cookieA), ''],
    ]
    for (const [name, headers, email] of rows) {
      const raw = await sendPublic(WHOAMI, headers)
      assertSameAsRecording(name, raw)
      if (raw.status === 200) assert.equal(parseBody<WhoamiJson>(raw).identity.traits.email, email, name)
    }
  })

  test('logout', async () => {
    const c = await loginCookie(HI)
    const begun = await sendPublic('GET /self-service/logout/browser', cookieHeaders(c))
    assertSameAsRecording('logout-browser-1', begun)
    const url = new URL(parseBody<{ logout_url: string }>(begun).logout_url)
    const asHtml = ['Accept', 'text/html', ...cookieHeaders(c).slice(2)]
    assertSameAsRecording(
      'logout-browser-2-html',
      await sendPublic(`GET ${url.pathname}${url.search}`, asHtml),
    )
    assert.equal((await sendPublic(WHOAMI, cookieHeaders(c))).status, 401)

    const other = await loginCookie(HI)
    const { logout_token } = parseBody<{ logout_token: string }>(
      await sendPublic('GET /self-service/logout/browser', cookieHeaders(other)),
    )
    assertSameAsRecording(
      'logout-browser-2-json',
      await sendPublic(`GET /self-service/logout?token=${logout_token}`, cookieHeaders(other)),
    )

    const t = await loginToken(HI)
    const end = (session_token: string) =>
      sendPublic('DELETE /self-service/logout/api', JSON_BODY, JSON.stringify({ session_token }))
    assertSameAsRecording('logout-api', await end(t))
    assertSameAsRecording('logout-api-again', await end(t))
    assertSameAsRecording('logout-api-unknown', await end(`ory_st_${'q'.repeat(32)}`))
    assert.equal((await sendPublic(WHOAMI, tokenHeaders(t))).status, 401)
  })

  test('sessions that an administrator revokes or extends, and inactive identities', async () => {
    const nobody = '00000000-0000-0000-0000-000000000001'
    assertSameAsRecording('revoke-admin-unknown-session', await sendAdmin(`DELETE /admin/sessions/${nobody}`))
    const dave = parseBody<{ id: string }>(await createUser('dave@example.com')).id
    const t = await loginToken('dave@example.com')
    const { id } = parseBody<{ id: string }>(await sendPublic(WHOAMI, tokenHeaders(t)))
    assertSameAsRecording(
      'revoke-admin-all-of-identity',
      await sendAdmin(`DELETE /admin/identities/${dave}/sessions`),
    )
    assertSameAsRecording(
      'revoke-admin-all-of-identity-again',
      await sendAdmin(`DELETE /admin/identities/${dave}/sessions`),
    )
    assertSameAsRecording('admin-session-after-delete', await sendAdmin(`GET /admin/sessions/${id}`))

    const again = await loginToken('dave@example.com')
    const off = JSON.stringify([{ op: 'replace', path: '/state', value: 'inactive' }])
    assertSameAsRecording('identity-set-inactive', await sendAdmin(`PATCH /admin/identities/${dave}`, off))
    assert.equal((await sendPublic(WHOAMI, tokenHeaders(again))).status, 401)
    assertSameAsRecording('identity-delete', await sendAdmin(`DELETE /admin/identities/${dave}`))

    const c = await loginCookie(HI)
    const mine = parseBody<{ id: string }>(await sendPublic(WHOAMI, cookieHeaders(c))).id
    // The recording has no devices and another user, so only status and headers are compared.
    const extended = await sendAdmin(`PATCH /admin/sessions/${mine}/extend`)
    unusedRecordings.delete('extend-session')
    assert.equal(extended.status, recorded.get('extend-session')?.status)
    const renewed = await sendPublic(WHOAMI, cookieHeaders(c))
    assertSameAsRecording('whoami-after-extend-cookie-gets-set-cookie', renewed)
    assertSameAsRecording(
      'whoami-after-extend-new-cookie',
      await sendPublic(WHOAMI, cookieHeaders(setCookie(renewed, 'ory_kratos_session='))),
    )
  })

  test('a second factor', async () => {
    const lookup_secret = { config: { codes: [{ code: '9fxv2r00' }, { code: '9fxv2r01' }] } }
    const credentials = { password: { config: { password: PASSWORD } }, lookup_secret }
    await createUser('bob@example.com', { credentials })
    const [c, t] = [await loginCookie('bob@example.com'), await loginToken('bob@example.com')]
    await setKnobs({ requiredAal: 'highest_available' })
    assertSameAsRecording('aal-highest-403-cookie', await sendPublic(WHOAMI, cookieHeaders(c)))
    assertSameAsRecording(
      'aal-highest-403-html',
      await sendPublic(WHOAMI, ['Accept', 'text/html', ...cookieHeaders(c).slice(2)]),
    )
    assertSameAsRecording('aal-highest-401-none', await sendPublic(WHOAMI, JSON_ACCEPT))
    assert.equal((await sendPublic(WHOAMI, tokenHeaders(await loginToken(HI)))).status, 200)

    const begun = await startLoginFlow('GET /self-service/login/browser')
    const known = [...cookieHeaders(c).slice(2), 'Cookie', begun.csrf]
    const aal2 = 'GET /self-service/login/browser?aal=aal2'
    assertSameAsRecording(
      'login-init-aal2-session-aal1-json',
      await sendPublic(aal2, [...JSON_ACCEPT, ...known]),
    )
    assertSameAsRecording(
      'login-init-aal2-session-aal1-html',
      await sendPublic(aal2, ['Accept', 'text/html', ...known]),
    )
    const step = await sendPublic('GET /self-service/login/api?aal=aal2', tokenHeaders(t))
    assertSameAsRecording('stepup-api-1-flow', step)
    const fields = JSON.stringify({ method: 'lookup_secret', lookup_secret: '9fxv2r00' })
    const submit = `POST /self-service/login?flow=${parseBody<Flow>(step).id}`
    const done = parseBody<{ session_token: string }>(
      await sendPublic(submit, [...JSON_BODY, 'X-Session-Token', t], fields),
    )
    assert.equal(done.session_token, t)
    assert.equal((await sendPublic(WHOAMI, tokenHeaders(t))).status, 200)
    await setKnobs({ requiredAal: 'aal1' })
  })

  test('responses with Ory-Session-Cache-For', async () => {
    const [c] = [await loginCookie(HI)]
    await setKnobs({ cacheableSessions: true })
    const kept = await sendPublic(WHOAMI, cookieHeaders(c))
    const seconds = kept.headers.find(([name]) => name === 'ory-session-cache-for')?.[1]
    assert.match(seconds ?? '', /^3(5\d\d|600)$/)
    unusedRecordings.delete('cache-on-200-cookie')
    assertSameAsRecording('cache-on-401-none', await sendPublic(WHOAMI, JSON_ACCEPT))
    assertSameAsRecording('cache-on-401-garbage-cookie', await sendPublic(WHOAMI, cookieHeaders('garbage')))
    assertSameAsRecording(
      'cache-on-401-unknown-token',
      await sendPublic(WHOAMI, tokenHeaders(`ory_st_${'q'.repeat(32)}`)),
    )
    await setKnobs({ cacheableSessions: false })
  })

  test('readiness reports success while every query fails', async () => {
    const c = await loginCookie(HI)
    const { id } = parseBody<{ id: string }>(await sendPublic(WHOAMI, cookieHeaders(c)))
    await setKnobs({ database: 'queries_fail' })
    assertSameAsRecording('db-broken-table-cookie', await sendPublic(WHOAMI, cookieHeaders(c)))
    assertSameAsRecording('db-broken-table-health-ready', await sendPublic('GET /health/ready'))
    assertSameAsRecording('db-broken-admin-session', await sendAdmin(`GET /admin/sessions/${id}`))
    assertSameAsRecording('db-broken-admin-list', await sendAdmin('GET /admin/sessions?page_size=1'))
    assertSameAsRecording(
      'db-broken-login-init',
      await sendPublic('GET /self-service/login/browser', cookieHeaders(c)),
    )
    await setKnobs({ database: 'ping_fails' })
    assert.equal((await sendPublic('GET /health/ready')).status, 503)
    assert.equal((await sendPublic(WHOAMI, cookieHeaders(c))).status, 401)
    await setKnobs({ database: 'up' })
    assert.equal((await sendPublic(WHOAMI, cookieHeaders(c))).status, 200)
  })

  test('every recording was used', () => assert.deepEqual([...unusedRecordings], []))
})

describe('fault injection', () => {
  test('whoami can fail, return HTML or hang; the clock can be shifted; calls are counted', async () => {
    const t = await loginToken(HI)
    const status = async (set: object) => {
      await setKnobs(set)
      return (await sendPublic(WHOAMI, tokenHeaders(t))).status
    }
    assert.equal(await status({ whoami: 'error_500' }), 500)
    assert.equal(await status({ whoami: 'error_503' }), 503)
    assert.equal(await status({ whoami: 'html_200' }), 200)
    assert.equal(await status({ whoami: 'normal', clockShift: 2 * 3_600_000 }), 401)
    await setKnobs({ whoami: 'hang', clockShift: 0 })
    const silent = await Promise.race([
      sendPublic(WHOAMI, tokenHeaders(t)).then(
        () => 'answered',
        () => 'answered',
      ),
      sendPublic('GET /health/alive').then(() => 'silent'),
    ])
    assert.equal(silent, 'silent')
    await sendAdmin('POST /__standin/reset')
    await sendPublic(WHOAMI, tokenHeaders(t))
    await sendPublic(WHOAMI, tokenHeaders(t))
    assert.equal(
      parseBody<Record<string, number>>(await sendAdmin('GET /__standin/counters'))['/sessions/whoami'],
      2,
    )
    assert.equal((await setKnobs({ databse: 'up' })).status, 400)
  })
})

describe('the stand-in', () => {
  test('says in its version and its front page that it is not Kratos', async () => {
    assert.deepEqual(parseBody(await sendAdmin('GET /version')), { version: 'stand-in (not Ory Kratos)' })
    const page = await createBrowser().fetch(`http://127.0.0.1:${ports.kratosPublic}/`)
    assert.ok(page.body.includes(STAND_IN_NAME))
  })

  test('listens on loopback only', async () => {
    const settings = parseStandInSettings(
      replacePorts(yaml, ports).replaceAll('host: 127.0.0.1', 'host: 0.0.0.0'),
    )
    await assert.rejects(startStandIn(settings), /loopback only/)
  })
})
