/** URLs in the base configuration of handlers: Oathkeeper's schema demands URIs, and a broken one stops the start. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { loadConfig } from '../../src/app/config.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'

const errorsOf = (document: object): readonly string[] =>
  loadConfig(
    { files: [{ source: 'c.json', text: JSON.stringify(document) }], env: {}, flags: new Map() },
    HANDLERS,
  )
    .issues.filter(issue => issue.severity === 'error')
    .map(issue => issue.path)

const ADDRESSES: readonly (readonly [section: string, config: (url: string) => object, key: string])[] = [
  ['authenticators.cookie_session', url => ({ check_session_url: url }), 'check_session_url'],
  ['authenticators.bearer_token', url => ({ check_session_url: url }), 'check_session_url'],
  ['authenticators.jwt', url => ({ jwks_urls: [url] }), 'jwks_urls[0]'],
  ['authenticators.oauth2_client_credentials', url => ({ token_url: url }), 'token_url'],
  ['authenticators.oauth2_introspection', url => ({ introspection_url: url }), 'introspection_url'],
  ['authorizers.remote', url => ({ remote: url }), 'remote'],
  ['authorizers.remote_json', url => ({ remote: url, payload: '{}' }), 'remote'],
  [
    'authorizers.keto_engine_acp_ory',
    url => ({ base_url: url, required_action: 'a', required_resource: 'b' }),
    'base_url',
  ],
  ['mutators.hydrator', url => ({ api: { url } }), 'api.url'],
  ['mutators.id_token', url => ({ issuer_url: 'i', jwks_url: url }), 'jwks_url'],
]

for (const [section, config, key] of ADDRESSES) {
  const [kind = '', id = ''] = section.split('.')
  const given = (url: string, enabled: boolean) => ({ [kind]: { [id]: { enabled, config: config(url) } } })
  test(`${section}: ${key} is a URL, or the start is refused`, () => {
    assert.deepEqual(errorsOf(given('http://h:1/a?b=c', true)), [])
    for (const url of ['foo', '/foo', '', 'http://a b']) {
      assert.deepEqual(errorsOf(given(url, true)), [`${section}.config.${key}`], url)
      assert.deepEqual(errorsOf(given(url, false)), [], 'switched off, it is not looked at')
    }
  })
}
