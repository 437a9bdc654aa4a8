import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseAuthority } from '../../src/http/authority.ts'

const host = (text: string, scheme = 'https') => parseAuthority(text, scheme)?.host

/** Valid authorities and their hosts (docs/security-cases.md, B1 to B5, B8, J4). */
const READ: Readonly<Record<string, readonly [text: string, scheme: string, host: string]>> = {
  'B1 letters become lower case': ['APP.Example.COM', 'https', 'app.example.com'],
  'B2 the default port of https goes': ['app.example.com:443', 'https', 'app.example.com'],
  'B2 the default port of http goes': ['app.example.com:80', 'http', 'app.example.com'],
  'B2 the default port of wss goes': ['app.example.com:443', 'wss', 'app.example.com'],
  'B2 the default port of ws goes': ['app.example.com:80', 'ws', 'app.example.com'],
  'B2 another port stays': ['app.example.com:80', 'https', 'app.example.com:80'],
  'B3 one trailing dot goes': ['app.example.com.', 'https', 'app.example.com'],
  'B3 before a port, too': ['app.example.com.:8443', 'https', 'app.example.com:8443'],
  'B4 an IPv6 address with the default port': ['[::1]:443', 'https', '[::1]'],
  'B4 an IPv6 address with another port': ['[FE80::1]:8080', 'https', '[fe80::1]:8080'],
  'B4 a number is a name and not an address': ['2130706433', 'https', '2130706433'],
  'B4 octal stays as it is written': ['0177.0.0.1', 'https', '0177.0.0.1'],
  'B8 punycode is text': ['xn--bcher-kva.example', 'https', 'xn--bcher-kva.example'],
}
for (const [what, [text, scheme, expected]] of Object.entries(READ)) {
  test(`${what}: ${text}`, () => assert.equal(host(text, scheme), expected))
}

/** Invalid authorities. */
const REFUSED: readonly (readonly [id: string, text: string])[] = [
  ['B2', 'app.example.com:'],
  ['B2', 'app.example.com:0'],
  ['B2', 'app.example.com:99999'],
  ['B2', 'app.example.com:080'],
  ['B2', 'app.example.com:+80'],
  ['B2', 'app.example.com:80:80'],
  ['B3', '.'],
  ['B3', 'app..example.com'],
  ['B3', '.app.example.com'],
  ['B3', 'app.example.com..'],
  ['B4', '::1'],
  ['B4', '[fe80::1%25eth0]'],
  ['B4', '[fe80::1%eth0]'],
  ['B4', '[::1'],
  ['B4', '[::1]x'],
  ['B4', '[::1]:'],
  ['B4', '[127.0.0.1]'],
  ['B5', 'admin@app.example.com'],
  ['B5', 'app.example.com@evil.example'],
  ['B6', 'evil.example,for=127.0.0.1'],
  ['B6', 'app;x'],
  ['B6', 'app x'],
  ['B6', '"app"'],
  ['B6', 'app/x'],
  ['B6', 'app?x'],
  ['B6', 'app#x'],
  ['B6', 'app\\x'],
  ['B6', 'app\r\nx'],
  ['B6', 'app\0'],
  ['B7', ''],
  ['B8', 'bücher.example'],
  ['B8', 'app。example'],
  ['B8', '\u212aratos.example'],
  ['B8', '\u0130.example'],
  ['J4', 'app.test,second.test'],
  ['J4', '%61pp.test'],
]
for (const [id, text] of REFUSED) {
  test(`${id}: ${JSON.stringify(text)} is not a host`, () => assert.equal(host(text), undefined))
}

test('parsing never throws, and parsing a host again does not change it', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'aZ09.-_:[]%@,'), maxLength: 40 }),
  )
  fc.assert(
    fc.property(texts, fc.constantFrom('http', 'https', 'ws', 'wss'), (text, scheme) => {
      const read = host(text, scheme)
      if (read === undefined) return
      assert.match(read, /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]+)?$/)
      assert.equal(host(read, scheme), read)
    }),
    { numRuns: 2_000 },
  )
})
