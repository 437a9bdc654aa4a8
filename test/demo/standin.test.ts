/** test/demo/standin — the stand-in for Kratos against recorded answers of a real Kratos v26.2.0, header by header. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { createBrowser } from '../../demo/browser.ts'
import { readSettings } from '../../demo/kratos/settings.ts'
import { NAME, type StandIn, startStandIn } from '../../demo/kratos/standin.ts'
import { choosePorts, type Ports, withPorts } from '../../demo/ports.ts'
import { type Comparable, comparable } from './masking.ts'

type Row = Comparable & { readonly name: string }
const recorded = new Map(
  readFileSync(new URL('recordings.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Row)
    .map(row => [row.name, row] as const),
)
const left = new Set(recorded.keys())
const yaml = readFileSync(new URL('../../demo/kratos/kratos.yml', import.meta.url), 'utf8')

let ports: Ports
let standIn: StandIn
before(async () => {
  ports = await choosePorts(false)
  // The recorded one sends browsers to the root when nobody asked for anything else.
  const text = withPorts(yaml, ports).replace(/(default_browser_return_url: \S+)\/admin/, '$1/')
  standIn = await startStandIn(readSettings(text))
})
after(() => standIn.close())

interface Raw {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

/** Header lines as given, several of one name included; nothing is added but Host. */
function ask(
  port: 'kratosPublic' | 'kratosAdmin',
  target: string,
  headers: readonly string[] = [],
  body = '',
): Promise<Raw> {
  const [method = 'GET', path = '/'] = target.split(' ')
  const lines = ['Host', `127.0.0.1:${ports[port]}`, ...headers]
  if (body !== '') lines.push('Content-Length', String(Buffer.byteLength(body)))
  return new Promise((resolve, reject) => {
    const asking = request({
      host: '127.0.0.1',
      port: ports[port],
      path,
      method,
      headers: lines,
      agent: false,
    })
    asking.on('error', reject)
    asking.on('response', response => {
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
    asking.end(body)
  })
}

const open = (target: string, headers?: readonly string[], body?: string) =>
  ask('kratosPublic', target, headers, body)
const admin = (target: string, body = '') =>
  ask('kratosAdmin', target, body === '' ? [] : ['Content-Type', 'application/json'], body)
const knobs = (set: object) => admin('POST /__standin/knobs', JSON.stringify(set))

/** The answer must be what the real Kratos gave to the same question. */
function same(name: string, raw: Raw): void {
  const row = recorded.get(name)
  assert.ok(row !== undefined, `no recording ${name}`)
  left.delete(name)
  const { status, headers, body } = row
  assert.deepEqual(comparable(raw.status, raw.headers, raw.body), { status, headers, body }, name)
}

const JSON_ACCEPT = ['Accept', 'application/json']
const FORM = ['Accept', 'text/html', 'Content-Type', 'application/x-www-form-urlencoded']
const JSON_BODY = ['Accept', 'application/json', 'Content-Type', 'application/json']
const PASSWORD = 'correct horse 7'
const WHOAMI = 'GET /sessions/whoami'

const parsed = <T>(raw: Raw): T => JSON.parse(raw.body) as T
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
  return admin(
    'POST /admin/identities',
    JSON.stringify({ schema_id: 'users', traits: { email }, credentials, ...more }),
  )
}

async function token(email: string): Promise<string> {
  const flow = parsed<Flow>(await open('GET /self-service/login/api', JSON_ACCEPT))
  const body = JSON.stringify({ method: 'password', identifier: email, password: PASSWORD })
  const done = await open(`POST /self-service/login?flow=${flow.id}`, JSON_BODY, body)
  return parsed<{ session_token: string }>(done).session_token
}

const csrfLine = (raw: Raw): string => {
  const [, line = ''] = raw.headers.find(([, value]) => value.startsWith('csrf_token_')) ?? []
  return line.split(';')[0] as string
}

interface FlowBegun {
  readonly raw: Raw
  readonly flow: Flow
  /** `csrf_token_…=…`, as the browser sends it. */
  readonly csrf: string
  readonly formToken: string
}

async function begin(target = 'GET /self-service/login/browser'): Promise<FlowBegun> {
  const raw = await open(target, JSON_ACCEPT)
  const flow = parsed<Flow>(raw)
  const node = flow.ui.nodes.find(one => one.attributes.name === 'csrf_token')
  return { raw, flow, csrf: csrfLine(raw), formToken: node?.attributes.value ?? '' }
}

/** A session cookie's value, by the browser's flow. */
async function cookie(email: string): Promise<string> {
  const { flow, csrf, formToken } = await begin()
  const body = JSON.stringify({
    method: 'password',
    csrf_token: formToken,
    identifier: email,
    password: PASSWORD,
  })
  const done = await open(`POST /self-service/login?flow=${flow.id}`, [...JSON_BODY, 'Cookie', csrf], body)
  return setCookie(done, 'ory_kratos_session=')
}

const withCookie = (value: string) => [...JSON_ACCEPT, 'Cookie', `ory_kratos_session=${value}`]
const withToken = (value: string) => [...JSON_ACCEPT, 'X-Session-Token', value]
const withBearer = (value: string) => [...JSON_ACCEPT, 'Authorization', `Bearer ${value}`]

interface WhoamiJson {
  readonly identity: {
    readonly external_id?: string
    readonly metadata_public: unknown
    readonly traits: { readonly email: string }
  }
}

const HI = 'hi@example.com'
const CAROL = 'carol@example.com'

describe('the stand-in answers as Kratos does', () => {
  test('identities and health', async () => {
    const more = { metadata_public: { plan: 'free' }, metadata_admin: { secret: 'x' }, external_id: 'ext-1' }
    same('aux-identity-create', await createUser(HI, more))
    same('aux-identity-duplicate', await createUser(HI))
    same('aux-health-ready', await open('GET /health/ready'))
    same('aux-health-alive', await open('GET /health/alive'))
    await createUser(CAROL)
  })

  test('logging in as a program', async () => {
    const begun = await open('GET /self-service/login/api', JSON_ACCEPT)
    same('login-api-1-flow', begun)
    const submit = `POST /self-service/login?flow=${parsed<Flow>(begun).id}`
    const wrong = { method: 'password', identifier: HI, password: 'wrong password' }
    same('login-api-wrong-2-submit', await open(submit, JSON_BODY, JSON.stringify(wrong)))
    const right = { ...wrong, password: PASSWORD }
    same('login-api-2-submit', await open(submit, JSON_BODY, JSON.stringify(right)))
  })

  test('logging in as a browser', async () => {
    const { raw, flow, csrf, formToken } = await begin()
    same('login-browser-1-flow', raw)
    const fields = { method: 'password', csrf_token: formToken, identifier: HI, password: PASSWORD }
    const submit = `POST /self-service/login?flow=${flow.id}`
    same('login-browser-2-submit', await open(submit, [...JSON_BODY, 'Cookie', csrf], JSON.stringify(fields)))

    const back = `return_to=http://127.0.0.1:${ports.envoy}/app`
    const sent = await open(`GET /self-service/login/browser?${back}`, ['Accept', 'text/html'])
    same('login-html-1-redirect', sent)
    const id = /flow=([0-9a-f-]+)/.exec(sent.body)?.[1]
    const shown = await open(`GET /self-service/login/flows?id=${id}`, [
      ...JSON_ACCEPT,
      'Cookie',
      csrfLine(sent),
    ])
    const formField = parsed<Flow>(shown).ui.nodes[0]?.attributes.value ?? ''
    const form = new URLSearchParams({ ...fields, csrf_token: formField }).toString()
    same(
      'login-html-2-submit',
      await open(`POST /self-service/login?flow=${id}`, [...FORM, 'Cookie', csrfLine(sent)], form),
    )
  })

  test('where a login begins, by who asks and what for', async () => {
    const session = withCookie(await cookie(HI)).slice(2)
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
    for (const [name, target, headers] of rows) same(name, await open(target, headers))
  })

  test('whoami with one credential', async () => {
    const [c, t] = [await cookie(HI), await token(HI)]
    const flipped = (c.at(-10) === 'A' ? 'B' : 'A') + c.slice(-9)
    const rows: readonly (readonly [string, readonly string[], string?])[] = [
      ['whoami-cookie-valid', withCookie(c)],
      ['whoami-token-valid', withToken(t)],
      ['whoami-bearer-valid', withBearer(t)],
      ['whoami-bearer-lowercase-scheme', [...JSON_ACCEPT, 'Authorization', `bearer ${t}`]],
      ['whoami-bearer-two-spaces', [...JSON_ACCEPT, 'Authorization', `Bearer  ${t}`]],
      ['whoami-token-spaces', withToken(`  ${t}  `)],
      ['whoami-two-token-headers', [...withToken(t), 'X-Session-Token', 'ory_st_other']],
      ['whoami-none', JSON_ACCEPT],
      ['whoami-cookie-garbage', withCookie('garbage')],
      ['whoami-cookie-tampered', withCookie(c.slice(0, -10) + flipped)],
      ['whoami-cookie-empty', withCookie('')],
      ['whoami-cookie-quoted', withCookie(`"${c}"`)],
      ['whoami-cookie-percent-encoded-padding', withCookie(c.replace(/=+$/, '%3D'))],
      ['whoami-cookie-unpadded', withCookie(`${c.replace(/=+$/, '')}${c.endsWith('=') ? '' : 'x'}`)],
      ['whoami-cookie-joined-with-comma', [...JSON_ACCEPT, 'Cookie', `a=1,ory_kratos_session=${c}`]],
      ['whoami-token-garbage', withToken(`ory_st_${'q'.repeat(32)}`)],
      ['whoami-token-empty', withToken('')],
      ['whoami-bearer-garbage', withBearer(`ory_st_${'q'.repeat(32)}`)],
      ['whoami-request-id-401', [...JSON_ACCEPT, 'X-Request-ID', 'rid-123']],
      ['whoami-request-id-200', [...withToken(t), 'X-Request-ID', 'rid-123']],
      ['whoami-head', withCookie(c), 'HEAD /sessions/whoami'],
      ['whoami-post', withCookie(c), 'POST /sessions/whoami'],
      ['whoami-delete', withCookie(c), 'DELETE /sessions/whoami'],
      ['whoami-options', withCookie(c), 'OPTIONS /sessions/whoami'],
      ['whoami-trailing-slash', withCookie(c), 'GET /sessions/whoami/'],
      ['whoami-double-slash', withCookie(c), 'GET //sessions/whoami'],
      ['whoami-tokenize-unknown', withCookie(c), 'GET /sessions/whoami?tokenize_as=unknown'],
    ]
    for (const [name, headers, target = WHOAMI] of rows) same(name, await open(target, headers))
    const { identity } = parsed<WhoamiJson>(await open(WHOAMI, withCookie(c)))
    assert.equal(identity.external_id, 'ext-1')
    assert.deepEqual(identity.metadata_public, { plan: 'free' })
    same('whoami-on-admin-port', await ask('kratosAdmin', WHOAMI, withCookie(c)))
  })

  test('whoami with several credentials', async () => {
    const [tokenA, cookieA, cookieB] = [await token(HI), await cookie(HI), await cookie(CAROL)]
    const revoked = await cookie(CAROL)
    const whose = parsed<{ id: string }>(await open(WHOAMI, withCookie(revoked))).id
    same('revoke-admin-delete-session', await admin(`DELETE /admin/sessions/${whose}`))
    const both = (one: readonly string[], other: readonly string[]) => [...one, ...other.slice(2)]
    const cookies = (...values: string[]) => [
      ...JSON_ACCEPT,
      'Cookie',
      values.map(value => `ory_kratos_session=${value}`).join('; '),
    ]
    const rows: readonly (readonly [string, readonly string[], string])[] = [
      ['whoami-both-tokenA-cookieB', both(withToken(tokenA), withCookie(cookieB)), HI],
      ['whoami-both-tokenA-garbagecookie', both(withToken(tokenA), withCookie('garbage')), ''],
      ['whoami-both-garbagetoken-cookieA', both(withToken('ory_st_x'), withCookie(cookieA)), ''],
      ['whoami-both-bearerA-cookieB', both(withBearer(tokenA), withCookie(cookieB)), CAROL],
      ['whoami-both-bearerA-garbagecookie', both(withBearer(tokenA), withCookie('garbage')), ''],
      ['whoami-two-cookies-good-first', cookies(cookieA, 'garbage'), HI],
      ['whoami-two-cookies-garbage-first', cookies('garbage', cookieA), HI],
      [
        'whoami-two-cookie-headers-B-then-A',
        [...withCookie(cookieB), ...withCookie(cookieA).slice(2)],
        CAROL,
      ],
      ['whoami-two-cookies-revoked-first-then-good', cookies(revoked, cookieA), ''],
    ]
    for (const [name, headers, email] of rows) {
      const raw = await open(WHOAMI, headers)
      same(name, raw)
      if (raw.status === 200) assert.equal(parsed<WhoamiJson>(raw).identity.traits.email, email, name)
    }
  })

  test('the end of a session', async () => {
    const c = await cookie(HI)
    const begun = await open('GET /self-service/logout/browser', withCookie(c))
    same('logout-browser-1', begun)
    const url = new URL(parsed<{ logout_url: string }>(begun).logout_url)
    const asHtml = ['Accept', 'text/html', ...withCookie(c).slice(2)]
    same('logout-browser-2-html', await open(`GET ${url.pathname}${url.search}`, asHtml))
    assert.equal((await open(WHOAMI, withCookie(c))).status, 401)

    const other = await cookie(HI)
    const { logout_token } = parsed<{ logout_token: string }>(
      await open('GET /self-service/logout/browser', withCookie(other)),
    )
    same(
      'logout-browser-2-json',
      await open(`GET /self-service/logout?token=${logout_token}`, withCookie(other)),
    )

    const t = await token(HI)
    const end = (session_token: string) =>
      open('DELETE /self-service/logout/api', JSON_BODY, JSON.stringify({ session_token }))
    same('logout-api', await end(t))
    same('logout-api-again', await end(t))
    same('logout-api-unknown', await end(`ory_st_${'q'.repeat(32)}`))
    assert.equal((await open(WHOAMI, withToken(t))).status, 401)
  })

  test('what an administrator ends, extends, switches off', async () => {
    const nobody = '00000000-0000-0000-0000-000000000001'
    same('revoke-admin-unknown-session', await admin(`DELETE /admin/sessions/${nobody}`))
    const dave = parsed<{ id: string }>(await createUser('dave@example.com')).id
    const t = await token('dave@example.com')
    const { id } = parsed<{ id: string }>(await open(WHOAMI, withToken(t)))
    same('revoke-admin-all-of-identity', await admin(`DELETE /admin/identities/${dave}/sessions`))
    same('revoke-admin-all-of-identity-again', await admin(`DELETE /admin/identities/${dave}/sessions`))
    same('admin-session-after-delete', await admin(`GET /admin/sessions/${id}`))

    const again = await token('dave@example.com')
    const off = JSON.stringify([{ op: 'replace', path: '/state', value: 'inactive' }])
    same('identity-set-inactive', await admin(`PATCH /admin/identities/${dave}`, off))
    assert.equal((await open(WHOAMI, withToken(again))).status, 401)
    same('identity-delete', await admin(`DELETE /admin/identities/${dave}`))

    const c = await cookie(HI)
    const mine = parsed<{ id: string }>(await open(WHOAMI, withCookie(c))).id
    // The recorded answer shows no devices and another user; its head must be the same.
    const extended = await admin(`PATCH /admin/sessions/${mine}/extend`)
    left.delete('extend-session')
    assert.equal(extended.status, recorded.get('extend-session')?.status)
    const renewed = await open(WHOAMI, withCookie(c))
    same('whoami-after-extend-cookie-gets-set-cookie', renewed)
    same(
      'whoami-after-extend-new-cookie',
      await open(WHOAMI, withCookie(setCookie(renewed, 'ory_kratos_session='))),
    )
  })

  test('a second factor', async () => {
    const lookup_secret = { config: { codes: [{ code: '9fxv2r00' }, { code: '9fxv2r01' }] } }
    const credentials = { password: { config: { password: PASSWORD } }, lookup_secret }
    await createUser('bob@example.com', { credentials })
    const [c, t] = [await cookie('bob@example.com'), await token('bob@example.com')]
    await knobs({ requiredAal: 'highest_available' })
    same('aal-highest-403-cookie', await open(WHOAMI, withCookie(c)))
    same('aal-highest-403-html', await open(WHOAMI, ['Accept', 'text/html', ...withCookie(c).slice(2)]))
    same('aal-highest-401-none', await open(WHOAMI, JSON_ACCEPT))
    assert.equal((await open(WHOAMI, withToken(await token(HI)))).status, 200)

    const begun = await begin('GET /self-service/login/browser')
    const known = [...withCookie(c).slice(2), 'Cookie', begun.csrf]
    const aal2 = 'GET /self-service/login/browser?aal=aal2'
    same('login-init-aal2-session-aal1-json', await open(aal2, [...JSON_ACCEPT, ...known]))
    same('login-init-aal2-session-aal1-html', await open(aal2, ['Accept', 'text/html', ...known]))
    const step = await open('GET /self-service/login/api?aal=aal2', withToken(t))
    same('stepup-api-1-flow', step)
    const fields = JSON.stringify({ method: 'lookup_secret', lookup_secret: '9fxv2r00' })
    const submit = `POST /self-service/login?flow=${parsed<Flow>(step).id}`
    const done = parsed<{ session_token: string }>(
      await open(submit, [...JSON_BODY, 'X-Session-Token', t], fields),
    )
    assert.equal(done.session_token, t)
    assert.equal((await open(WHOAMI, withToken(t))).status, 200)
    await knobs({ requiredAal: 'aal1' })
  })

  test('answers that say how long they may be kept', async () => {
    const [c] = [await cookie(HI)]
    await knobs({ cacheableSessions: true })
    const kept = await open(WHOAMI, withCookie(c))
    const seconds = kept.headers.find(([name]) => name === 'ory-session-cache-for')?.[1]
    assert.match(seconds ?? '', /^3(5\d\d|600)$/)
    left.delete('cache-on-200-cookie')
    same('cache-on-401-none', await open(WHOAMI, JSON_ACCEPT))
    same('cache-on-401-garbage-cookie', await open(WHOAMI, withCookie('garbage')))
    same('cache-on-401-unknown-token', await open(WHOAMI, withToken(`ory_st_${'q'.repeat(32)}`)))
    await knobs({ cacheableSessions: false })
  })

  test('a database that answers pings and nothing else looks well from outside', async () => {
    const c = await cookie(HI)
    const { id } = parsed<{ id: string }>(await open(WHOAMI, withCookie(c)))
    await knobs({ database: 'queries_fail' })
    same('db-broken-table-cookie', await open(WHOAMI, withCookie(c)))
    same('db-broken-table-health-ready', await open('GET /health/ready'))
    same('db-broken-admin-session', await admin(`GET /admin/sessions/${id}`))
    same('db-broken-admin-list', await admin('GET /admin/sessions?page_size=1'))
    same('db-broken-login-init', await open('GET /self-service/login/browser', withCookie(c)))
    await knobs({ database: 'ping_fails' })
    assert.equal((await open('GET /health/ready')).status, 503)
    assert.equal((await open(WHOAMI, withCookie(c))).status, 401)
    await knobs({ database: 'up' })
    assert.equal((await open(WHOAMI, withCookie(c))).status, 200)
  })

  test('every recording was used', () => assert.deepEqual([...left], []))
})

describe('the knobs', () => {
  test('whoami can be broken, empty of JSON, or silent; the clock can be moved; calls are counted', async () => {
    const t = await token(HI)
    const status = async (set: object) => {
      await knobs(set)
      return (await open(WHOAMI, withToken(t))).status
    }
    assert.equal(await status({ whoami: 'error_500' }), 500)
    assert.equal(await status({ whoami: 'error_503' }), 503)
    assert.equal(await status({ whoami: 'html_200' }), 200)
    assert.equal(await status({ whoami: 'normal', clockShift: 2 * 3_600_000 }), 401)
    await knobs({ whoami: 'hang', clockShift: 0 })
    const silent = await Promise.race([
      open(WHOAMI, withToken(t)).then(
        () => 'answered',
        () => 'answered',
      ),
      open('GET /health/alive').then(() => 'silent'),
    ])
    assert.equal(silent, 'silent')
    await admin('POST /__standin/reset')
    await open(WHOAMI, withToken(t))
    await open(WHOAMI, withToken(t))
    assert.equal(
      parsed<Record<string, number>>(await admin('GET /__standin/counters'))['/sessions/whoami'],
      2,
    )
    assert.equal((await knobs({ databse: 'up' })).status, 400)
  })
})

describe('what it is', () => {
  test('its version and its front page say that it is not Kratos', async () => {
    assert.deepEqual(parsed(await admin('GET /version')), { version: 'stand-in (not Ory Kratos)' })
    const page = await createBrowser().ask(`http://127.0.0.1:${ports.kratosPublic}/`)
    assert.ok(page.body.includes(NAME))
  })

  test('it refuses to listen where others could reach it', async () => {
    const settings = readSettings(withPorts(yaml, ports).replaceAll('host: 127.0.0.1', 'host: 0.0.0.0'))
    await assert.rejects(startStandIn(settings), /loopback only/)
  })
})
