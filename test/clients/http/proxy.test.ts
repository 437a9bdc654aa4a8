import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import test, { type TestContext } from 'node:test'
import { createHttpClient } from '../../../src/clients/http/client.ts'
import { createProxyResolver } from '../../../src/clients/http/proxy.ts'
import { millis } from '../../../src/lib/time.ts'
import { realClock } from '../../support/clock.ts'

const ENV = { HTTP_PROXY: 'p:3128', HTTPS_PROXY: 'https://u:pw@sp:8443' }
const HTTP = 'http://p:3128/'

/** The behaviour of golang.org/x/net/http/httpproxy, compared on 266 pairs. */
for (const [noProxy, url, proxy] of [
  ['', 'http://foo.test/', HTTP],
  ['', 'https://foo.test/', 'https://u:pw@sp:8443/'],
  ['', 'http://localhost/', undefined],
  ['', 'http://127.9.9.9/', undefined],
  ['', 'http://[::1]/', undefined],
  ['*', 'http://foo.test/', undefined],
  [' a.test, FOO.test ,b', 'http://foo.test/', undefined],
  ['foo.test', 'http://a.foo.test/', undefined],
  ['foo.test', 'http://xfoo.test/', HTTP],
  ['oo.test', 'http://foo.test/', HTTP],
  ['.foo.test', 'http://foo.test/', HTTP],
  ['.foo.test', 'http://a.foo.test/', undefined],
  ['*.foo.test', 'http://a.foo.test/', undefined],
  ['*.foo.test', 'http://foo.test/', HTTP],
  ['foo.test:8080', 'http://foo.test/', HTTP],
  ['foo.test:8080', 'http://foo.test:8080/', undefined],
  ['foo.test:80', 'http://foo.test/', undefined],
  ['foo.test:443', 'https://foo.test/', undefined],
  ['10.0.0.0/8', 'http://10.1.2.3/', undefined],
  ['10.0.0.0/8', 'http://11.1.2.3/', HTTP],
  ['10.1.2.3:81', 'http://10.1.2.3/', HTTP],
  ['10.1.2.3:81', 'http://10.1.2.3:81/', undefined],
  ['fd00::/8', 'http://[fd00::1]/', undefined],
  ['[fd00::1]:80', 'http://[fd00::1]/', undefined],
  [':80', 'http://foo.test/', HTTP],
  ['not/a/network', 'http://foo.test/', HTTP],
] as const) {
  test(`NO_PROXY "${noProxy}": ${url} goes ${proxy ?? 'directly'}`, () => {
    assert.equal(createProxyResolver({ ...ENV, NO_PROXY: noProxy })(new URL(url)), proxy)
  })
}

test('upper-case variables take precedence over lower-case ones, and empty ones are ignored', () => {
  const url = new URL('http://a.test/')
  assert.equal(createProxyResolver({})(url), undefined)
  assert.equal(createProxyResolver({ HTTP_PROXY: '' })(url), undefined)
  assert.equal(createProxyResolver({ http_proxy: 'http://small/' })(url), 'http://small/')
  assert.equal(
    createProxyResolver({ http_proxy: 'http://small/', HTTP_PROXY: 'http://big/' })(url),
    'http://big/',
  )
  assert.equal(createProxyResolver({ HTTPS_PROXY: 'http://big/' })(url), undefined)
  assert.equal(createProxyResolver({ HTTP_PROXY: 'socks5://s:1080' })(url), 'socks5://s:1080')
  for (const HTTP_PROXY of ['ftp://p', 'http://', 'p:x', 'http://p:99999']) {
    assert.equal(createProxyResolver({ HTTP_PROXY })(url), 'unusable')
  }
})

interface ProxyRecord {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly lines: readonly string[]
}

async function proxied(t: TestContext) {
  const seen: ProxyRecord[] = []
  const record = ({ method, url, headers, rawHeaders: lines }: IncomingMessage) =>
    seen.push({ method, url, headers, lines })
  const proxy = createServer((request, response) => {
    record(request)
    response.end('through')
  })
  proxy.on('connect', (request, socket) => {
    record(request)
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  const at = `http://user:pass%21@127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const http = createHttpClient({
    clock: realClock,
    resolveProxy: createProxyResolver({ HTTP_PROXY: at, HTTPS_PROXY: at }),
  })
  t.after(async () => {
    await http.close()
    proxy.close()
  })
  const send = (url: string, headers: readonly (readonly [string, string])[] = []) =>
    http.send({ method: 'GET', url, headers, timeout: millis(5_000), target: 'test' })
  return { seen, send }
}

test('sends an http call to the proxy with all its headers and the credentials of the proxy', async t => {
  const { seen, send } = await proxied(t)
  const answer = await send('http://keys.test/jwks?a=1', [
    ['x-many', '1'],
    ['x-many', '2'],
    ['proxy-authorization', 'Basic clients'],
  ])
  assert.deepEqual(answer.kind === 'answered' && [answer.status, answer.body], [200, 'through'])
  const [call] = seen
  assert.deepEqual(
    [call?.method, call?.url, call?.headers.host],
    ['GET', 'http://keys.test/jwks?a=1', 'keys.test'],
  )
  assert.equal(call?.headers['x-many'], '1, 2')
  assert.equal(call?.headers['proxy-authorization'], `Basic ${btoa('user:pass!')}`)
})

test('an https call opens a tunnel, and a refused tunnel is a connect failure', async t => {
  const { seen, send } = await proxied(t)
  const answer = await send('https://keys.test/jwks?token=SECRET', [['authorization', 'SECRET']])
  assert.equal(answer.kind === 'failed' && answer.cause, 'connect')
  assert.deepEqual([seen[0]?.method, seen[0]?.url], ['CONNECT', 'keys.test:443'])
  assert.ok(!JSON.stringify([answer, seen]).includes('SECRET'))
})

test('calls to loopback addresses never use a proxy', async t => {
  const { seen, send } = await proxied(t)
  const own = createTcpServer(socket => socket.end('HTTP/1.1 204 No Content\r\n\r\n'))
  await new Promise<void>(resolve => own.listen(0, '127.0.0.1', resolve))
  t.after(() => own.close())
  const answer = await send(`http://127.0.0.1:${(own.address() as AddressInfo).port}/`)
  assert.equal(answer.kind === 'answered' && answer.status, 204)
  assert.equal(seen.length, 0)
})

test('an unusable proxy fails the call, which is not sent directly either', async () => {
  const http = createHttpClient({
    clock: realClock,
    resolveProxy: createProxyResolver({ HTTP_PROXY: 'ftp://p' }),
  })
  const answer = await http.send({
    method: 'GET',
    url: 'http://a.test/',
    headers: [],
    timeout: millis(500),
    target: 'test',
  })
  await http.close()
  assert.match(
    answer.kind === 'failed' ? answer.message : '',
    /the proxy that the environment names is not a valid URL/,
  )
})
