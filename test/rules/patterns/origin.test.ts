/** Scheme and host of patterns are normalized like those of requests, suspicious patterns are reported, and index hints are true. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createWordFinder } from '../../../src/rules/patterns/automata.ts'
import { type CompiledPattern, compilePattern } from '../../../src/rules/patterns/pattern.ts'
import { findWitnesses } from '../../../src/rules/patterns/witness.ts'

const compile = (text: string, strategy: 'regexp' | 'glob' = 'regexp'): CompiledPattern => {
  const compiled = compilePattern(text, strategy)
  assert.ok(!('fault' in compiled), JSON.stringify(compiled))
  return compiled
}

describe('literal hosts of patterns', () => {
  const same: [text: string, url: string, lints: number][] = [
    ['HTTP://App.Example.COM/Path/<.*>', 'http://app.example.com/Path/x', 1],
    ['https://h:443/<.*>', 'https://h/x', 1],
    ['http://h:80', 'http://h', 1],
    ['http://h./a', 'http://h/a', 1],
    ['http://h.:8080/a', 'http://h:8080/a', 1],
    ['http://<[a-z]+>.Example.com:80/a', 'http://x.example.com/a', 2],
    ['http://h:8080/a', 'http://h:8080/a', 0],
    ['<HTTP|https>://<Api|WWW>.x/a', 'http://api.x/a', 2],
    ['http://<(A)pi>.x/A<b|C>', 'http://api.x/AC', 1],
    ['http://h/A.', 'http://h/A.', 0],
  ]
  for (const [text, url, lints] of same) {
    it(`${text} matches ${url}`, () => {
      const compiled = compile(text)
      assert.ok(compiled.pattern.exec(url) !== undefined)
      assert.equal(compiled.lints.length, lints, JSON.stringify(compiled.lints))
    })
  }

  it('keep a port that is the default of one of several schemes, with a warning', () => {
    const compiled = compile('<https?>://h:443/a')
    assert.deepEqual(compiled.pattern.exec('http://h:443/a'), ['http'])
    assert.equal(compiled.pattern.exec('https://h/a'), undefined)
    assert.match(compiled.lints[0]?.message ?? '', /port 443 never matches with https/)
  })

  it('are captured in normalized form', () => {
    assert.deepEqual(compile('http://<Api|(W)WW>.x/<A|b>').pattern.exec('http://www.x/A'), ['www', 'w', 'A'])
    assert.deepEqual(compile('http://<Api|WWW>.x/<A|b>').pattern.origins, ['http://api.x', 'http://www.x'])
  })

  it('are normalized in globs as well', () => {
    const compiled = compile('http://<{API,w[W]w}>.x/<A*>', 'glob')
    assert.ok(compiled.pattern.exec('http://api.x/Ab') && compiled.pattern.exec('http://www.x/A'))
    assert.equal(compiled.pattern.exec('http://api.x/ab'), undefined)
    assert.equal(compiled.lints.length, 1)
  })

  it('leave the path unchanged', () => {
    assert.equal(compile('http://H/A').pattern.exec('http://h/a'), undefined)
  })
})

const LINTS: [strategy: 'regexp' | 'glob', text: string, message: RegExp | undefined][] = [
  ['regexp', 'http://h/', undefined],
  ['regexp', 'http://<[^/]*>/', undefined],
  ['regexp', '<.*>', undefined],
  ['regexp', 'http://h/foo<(|/.*)>', undefined],
  ['regexp', 'http://h<(|/.*)>', undefined],
  ['regexp', 'http://<.*>/public', /also matches slashes/],
  ['regexp', 'http://<[a-z]+.example.com>/a', /dot that matches any/],
  [
    'regexp',
    'http://<app-staging.example.com>/a',
    /^"[^"]*" in the host has a dot that matches any character$/,
  ],
  ['regexp', 'http://<[a-z]+\\.example\\.com>/a', undefined],
  ['regexp', 'http://<[a-z.]+>/a', undefined],
  ['regexp', 'https://h<.*>', /hosts that start with this one match/],
  ['regexp', 'http://<HOST|OTHER>/a', /is lower-cased/],
  ['regexp', 'http://<[A-Za-z]+>/a', undefined],
  ['regexp', '/a/<.*>', /does not start with a scheme/],
  ['regexp', 'ftp://h/a', /never matches: its scheme is not http/],
  ['regexp', 'wss://h/a', /^its scheme is ws or wss/],
  ['regexp', '<wss?>://h/a', /^its scheme is ws or wss/],
  ['regexp', '<https|wss>://h/a', undefined],
  ['regexp', 'http://h/a?x=1', /query/],
  ['regexp', 'http://h/a//b', /never matches/],
  ['regexp', 'http://h/a/../b', /never matches/],
  ['regexp', 'http://h/a/..', /never matches/],
  ['regexp', 'http://h/caf%C3%A9', /decoded before.*"%C3%A9"/],
  ['regexp', 'http://*.example.com/a', /never matches: its host contains "\*"/],
  ['regexp', 'http://<[a-z]+>_ü.example.com/a', /never matches: its host contains "ü"/],
  ['regexp', 'http://[::1]:8080/a', undefined],
  ['regexp', 'http://h/users/{id}', /"\{id\}" outside of <…> is literal text/],
  ['regexp', 'http://h/users/*', /"\*" outside of <…> is literal text/],
  // An expression outside of the brackets, in a glob, or with brackets in it.
  ['regexp', 'http://h/users/([^/]+)/<.*>', /"\[\^\/\]\+" outside of <…>/],
  ['regexp', 'http://h/(a|b)', /"\|" outside of <…>/],
  ['regexp', 'http://h/(?:a)', /"\(\?" outside of <…>/],
  ['regexp', 'http://h/(?<n>a)', /"\(\?" outside of <…>/],
  ['regexp', 'http://h/users/:id', /":id" outside of <…>/],
  ['regexp', 'http://h/a$', /"\$" outside of <…>/],
  ['regexp', 'http://h/^a', /"\^" outside of <…>/],
  ['regexp', 'http://h/\\d', /"\\d" outside of <…>/],
  ['regexp', 'http://h/a.+', /"\.\+" outside of <…>/],
  ['regexp', 'http://h/(a)+', /"\)\+" outside of <…>/],
  ['regexp', 'http://h/$metadata/Products(1)/a+b/v1:read', undefined],
  ['regexp', 'http://h/$<.*>', undefined],
  ['regexp', '<https://h/api/<.*>>', /has brackets within brackets/],
  ['regexp', 'http://h/<(?<n>a)\\k<n>>', undefined],
  ['regexp', '<https://w.example.com/health>', /dot in the host that matches any/],
  ['regexp', '<https://w\\.example\\.com/health.json>', undefined],
  ['glob', 'http://h/<[0-9]+>', /looks like a regular expression/],
  ['glob', 'http://h/<(a|b)>', /looks like a regular expression/],
  ['glob', 'http://h/<[0-9]*>', undefined],
  ['glob', '<https://h/api/<**>>', /has brackets within brackets/],
  ['glob', 'http://h/<**>', undefined],
  ['glob', 'http://h/<.*>', /looks like a regular expression/],
  ['glob', 'http://h/<**>', undefined],
  ['glob', 'http://<**>.h.com/<*>', /also matches slashes/],
  ['glob', 'http://<*>.h.com/<*>', undefined],
  ['glob', 'http://h/<*?>', /Oathkeeper misreads/],
  ['glob', 'http://h/<{foo*,bar}>', /Oathkeeper misreads/],
  ['glob', 'http://h/<{foo,}*>', /Oathkeeper misreads/],
  ['glob', 'http://h/<{foo*,bar*}>', undefined],
  ['glob', 'http://h/foo<{,/**}>', undefined],
]

describe('lints', () => {
  for (const [strategy, text, message] of LINTS) {
    it(`${strategy} ${text}: ${message ?? 'nothing'}`, () => {
      const messages = compile(text, strategy).lints.map(lint => lint.message)
      if (message === undefined) assert.deepEqual(messages, [])
      else assert.match(messages.join('; '), message)
    })
  }
})

describe('index hints', () => {
  const facts: [
    text: string,
    origins: string[] | undefined,
    pathPrefix: string,
    contains: string | undefined,
  ][] = [
    ['http://h/a', ['http://h'], '/a', undefined],
    ['<https?>://h/a/<.*>', ['https://h', 'http://h'], '/a/', undefined],
    [
      '<http|https>://<a|b>.h/<.*>',
      ['http://a.h', 'http://b.h', 'https://a.h', 'https://b.h'],
      '/',
      undefined,
    ],
    ['http://h/<v1|v2>/<.*>', ['http://h'], '/v', undefined],
    ['http://h<(|/.*)>', ['http://h'], '', undefined],
    ['http://h<.*>', undefined, '', undefined],
    ['http://h', ['http://h'], '', undefined],
    ['http://h/<.*>/items/<.*>', ['http://h'], '/', '/items/'],
    ['http://<[^/]+>/a/<.*>', undefined, '/a/', '/a/'],
    ['http://<.*>/a/<.*>', undefined, '', '/a/'],
    ['<.*>://<.*>/a', undefined, '', '://'.slice(1)],
    ['<.*>', undefined, '', undefined],
  ]
  for (const [text, origins, pathPrefix, contains] of facts) {
    it(`${text}: ${origins ?? 'any host'}, path ${pathPrefix || 'any'}, ${contains ?? 'no literal inside'}`, () => {
      const { pattern } = compile(text)
      assert.deepEqual(
        [pattern.origins, pattern.pathPrefix, pattern.requiredSubstring],
        [origins, pathPrefix, contains],
      )
    })
  }
})

it('with exact hosts, a host is not normalized and causes no warning (Q-20)', () => {
  for (const [url, origin] of [
    ['HTTPS://Shop.Example/a', 'https://Shop.Example'],
    ['https://h:443/a', 'https://h:443'],
    ['http://h./a', 'http://h.'],
    ['https://<API|www>.h/a', 'https://API.h'],
  ] as const) {
    const compiled = compilePattern(url, 'regexp', 'exact')
    assert.ok(!('fault' in compiled))
    assert.equal(compiled.pattern.origins?.[0], origin, url)
    assert.deepEqual(
      compiled.lints.filter(lint => !lint.message.includes('"HTTPS://"')),
      [],
    )
    assert.notEqual(compiled.pattern.exec(`${origin}/a`), undefined)
    assert.equal(compiled.pattern.exec(`${origin.toLowerCase().replace(/:443$|\.$/, '')}/a`), undefined)
    const options = { paths: 'strict', hosts: 'exact', rpc: false } as const
    assert.deepEqual(findWitnesses(compiled, options, createWordFinder()).witnesses.at(0), `${origin}/a`)
  }
})

it('with exact hosts, a pattern that no request matches is still dead', () => {
  const options = { paths: 'strict', hosts: 'exact', rpc: false } as const
  const reach = (url: string) => {
    const compiled = compilePattern(url, 'regexp', 'exact')
    assert.ok(!('fault' in compiled))
    return findWitnesses(compiled, options, createWordFinder())
  }
  assert.equal(reach('https://<[A-Z]>.h:<443|80>/a').dead, false)
  assert.equal(reach('https://<[!]>.h/a').dead, true)
  // The shortest words are no hosts: a witness is found by the intersection with all request URLs.
  assert.match(reach('https://<[!]{1,12}|[A-Z]{14}>/a').witnesses[0] ?? '', /^https:\/\/[A-Z]{14}\/a$/)
  assert.match(reach('https://<[!]{1,20}|a{22}\\.>/a').witnesses[0] ?? '', /^https:\/\/a{22}\.\/a$/)
})
