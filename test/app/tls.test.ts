/** Certificates of the listeners: what can be used, and what happens when their files change. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { StartupError } from '../../src/app/startup_error.ts'
import { type CertificateRenewal, openListenerTls } from '../../src/app/tls.ts'
import type { Setting, SettingValues } from '../../src/config/setting.ts'
import { createCertificateAuthority, skipWithoutOpenssl } from '../support/certificates.ts'
import { waitUntil } from '../support/wait_until.ts'

if (skipWithoutOpenssl !== false)
  process.stderr.write(`tests: skipped TLS of our listeners, ${skipWithoutOpenssl}\n`)

describe('certificates of our listeners', { skip: skipWithoutOpenssl }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'credence-tls-'))
  after(() => rmSync(folder, { recursive: true }))
  const authority = createCertificateAuthority(folder)
  authority.issue('one', '/CN=one', 'DNS:credence.test')
  authority.issue('two', '/CN=two', 'DNS:credence.test')

  const configOf = (values: Record<string, string>): SettingValues => ({
    get: <T>({ path }: Setting<T>) => values[path] as T,
    positionOf: () => ({ source: '', line: 0, column: 0 }),
  })
  const api = (settings: Record<string, string>) =>
    configOf(
      Object.fromEntries(Object.entries(settings).map(([key, value]) => [`serve.api.tls.${key}`, value])),
    )

  async function opened(t: TestContext, config: SettingValues, server: 'api' | 'grpc' = 'api') {
    const renewals: CertificateRenewal[] = []
    const tls = await openListenerTls(config, server, renewal => renewals.push(renewal))
    t.after(() => tls?.close())
    return { tls, renewals }
  }

  /** The message of a failed start. */
  const faultOf = (config: SettingValues) =>
    openListenerTls(config, 'api', () => {}).then(
      () => 'opened',
      (error: unknown) => {
        assert.ok(error instanceof StartupError)
        return [
          error.message,
          ...error.diagnostics.map(({ source, path, message }) => `${source} ${path} ${message}`),
        ].join('; ')
      },
    )

  test('without certificate settings there is no TLS', async t => {
    assert.equal((await opened(t, api({}))).tls, undefined)
  })

  test('key and certificate come from files or from base64; a file takes precedence', async t => {
    const files = api({
      'key.path': authority.file('one.key'),
      'cert.path': authority.file('one.pem'),
      'cert.base64': 'x',
    })
    const { tls: read } = await opened(t, files)
    assert.deepEqual(read?.material.cert, authority.read('one.pem'))
    const base64 = (name: string) => authority.read(name).toString('base64')
    const { tls: given } = await opened(
      t,
      api({ 'key.base64': base64('one.key'), 'cert.base64': base64('one.pem') }),
    )
    assert.deepEqual(given?.material.key, authority.read('one.key'))
  })

  test('material that cannot be used stops the start, with setting and file in the message', async () => {
    assert.match(await faultOf(api({ 'key.path': authority.file('one.key') })), /serve\.api\.tls needs both/)
    assert.match(
      await faultOf(api({ 'key.path': '/nowhere.key', 'cert.path': authority.file('one.pem') })),
      /\/nowhere\.key serve\.api\.tls\.key\.path cannot be read \(ENOENT\)/,
    )
    assert.match(
      await faultOf(api({ 'key.path': authority.file('one.key'), 'cert.path': authority.file('two.pem') })),
      /serve\.api\.tls cannot be used: .*mismatch/,
    )
    const found = await faultOf(
      api({ 'key.base64': 'c2VjcmV0LWtleQ==', 'cert.path': authority.file('one.pem') }),
    )
    assert.match(found, /cannot be used/)
    assert.ok(!found.includes('secret-key') && !found.includes('c2VjcmV0'), found)
  })

  test('a renewed pair is published; a pair that does not match is reported and not used (I9)', async t => {
    const [key, cert] = [join(folder, 'live.key'), join(folder, 'live.pem')]
    const put = (name: string, ending: 'key' | 'pem') => {
      copyFileSync(authority.file(`${name}.${ending}`), join(folder, 'next'))
      renameSync(join(folder, 'next'), join(folder, `live.${ending}`))
    }
    put('one', 'key')
    put('one', 'pem')
    const { tls, renewals } = await opened(
      t,
      configOf({
        'serve.grpc.tls.key.path': key,
        'serve.grpc.tls.cert.path': cert,
        'serve.grpc.tls.client_ca.path': authority.file('ca.pem'),
      }),
      'grpc',
    )
    const handed: Buffer[] = []
    tls?.onRenewal(material => handed.push(material.cert))
    assert.deepEqual(tls?.material.ca, authority.read('ca.pem'))
    assert.equal(renewals.length, 0)

    // One after the other, as anybody writes two files.
    put('two', 'pem')
    await waitUntil('the first renewal', () => renewals.length === 1)
    assert.equal(renewals.at(-1)?.outcome, 'rejected')
    assert.deepEqual(tls?.material.cert, authority.read('one.pem'))
    put('two', 'key')
    await waitUntil('the second renewal', () => renewals.length === 2)
    assert.equal(renewals.at(-1)?.outcome, 'renewed')
    assert.deepEqual(handed, [authority.read('two.pem')])
    assert.deepEqual(tls?.material.key, authority.read('two.key'))

    writeFileSync(cert, 'no certificate')
    await waitUntil('the third renewal', () => renewals.length === 3)
    assert.deepEqual(handed.length, 1)
    assert.deepEqual(tls?.material.cert, authority.read('two.pem'))
  })
})
