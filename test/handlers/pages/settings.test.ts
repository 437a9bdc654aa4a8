import assert from 'node:assert/strict'
import test from 'node:test'
import { loadConfig } from '../../../src/app/config.ts'
import { pageSettings, refusalPageOptions } from '../../../src/handlers/pages/settings.ts'
import { HANDLERS } from '../../../src/handlers/registry.ts'

const SVG = '<svg viewBox="0 0 1 1" xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
const accepts = (setting: keyof typeof pageSettings, value: unknown): boolean =>
  'value' in pageSettings[setting].parse(value)

test('accepts a logo that is a path of the host or an image in base64, and nothing else', () => {
  for (const logo of [
    '/logo.svg',
    '/a/b?c=d',
    'data:image/svg+xml;base64,PHN2Zy8+',
    'data:image/png;base64,AA==',
  ])
    assert.ok(accepts('logo', logo), logo)
  for (const logo of [
    '',
    'logo.svg',
    '//evil.example/logo.svg',
    '/\\evil.example/logo.svg',
    'https://cdn.example/logo.svg',
    'javascript:alert(1)',
    'data:text/html;base64,AA==',
    'data:image/svg+xml,<svg/>',
    'data:image/png;base64,A"A',
    '/a b',
    '/a\nb',
    `data:image/png;base64,${'A'.repeat(24_576)}`,
    SVG.replace('M0 0', 'ä'.repeat(12_288)),
    '<svg></svg>',
    `${SVG}<script>alert(1)</script>`,
    `<script></script>${SVG}`,
  ])
    assert.ok(!accepts('logo', logo), logo.slice(0, 40))
})

test('accepts an accent in hexadecimal only', () => {
  for (const accent of ['#fff', '#2457D6']) assert.ok(accepts('accent', accent), accent)
  for (const accent of ['', 'red', '#ffff', '#2457d6;}', 'rgb(0,0,0)', '#fff\n', 'url(x)'])
    assert.ok(!accepts('accent', accent), accent)
})

test('accepts a support link that is no script', () => {
  for (const url of ['https://help.example/x', 'mailto:help@example.com', '/help'])
    assert.ok(accepts('supportUrl', url), url)
  for (const url of [
    '',
    'javascript:alert(1)',
    'data:text/html,x',
    '//evil.example',
    'help',
    'mailto:a@b?subject=x',
    ' javascript:x',
  ])
    assert.ok(!accepts('supportUrl', url), url)
})

test('limits the title and the languages', () => {
  assert.ok(accepts('title', 'x'.repeat(100)))
  assert.ok(!accepts('title', 'x'.repeat(101)))
  assert.ok(accepts('language', 'de'))
  assert.ok(!accepts('language', 'xx'))
})

test('the text of an SVG becomes an image of the page', () => {
  const { config } = loadConfig(
    {
      files: [{ source: 'c.yaml', text: `errors: { pages: { logo: '${SVG}' } }` }],
      env: {},
      flags: new Map(),
    },
    HANDLERS,
  )
  assert.ok(config !== undefined)
  const { logo } = refusalPageOptions(config)
  assert.equal(logo, `data:image/svg+xml;base64,${Buffer.from(SVG).toString('base64')}`)
  assert.ok(accepts('logo', logo))
})
