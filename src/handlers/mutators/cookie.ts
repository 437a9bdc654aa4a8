/** handlers/mutators/cookie — replaces the Cookie header for the upstream: cookies from templates, then the request's others. Asks nobody. */
import { z } from 'zod'
import { withHeader } from '../../access/session.ts'
import { compileTemplate } from '../compile/template.ts'
import { defineMutator, HandlerConfigError, mapCollectingErrors } from '../handler.ts'

export const cookie = defineMutator({
  id: 'cookie',
  summary: 'sets cookies for the upstream from templates and keeps the other cookies of the request',
  config: z.strictObject({
    cookies: z.record(z.string(), z.string()).describe('cookie names, each with a template for its value'),
  }),
  example: { cookies: { user: '{{ print .Subject }}' } },
  compile({ cookies }, services, context) {
    const compiled = mapCollectingErrors(Object.entries(cookies), ([name, text]) => {
      const path = ['cookies', name]
      if (!COOKIE_NAME.test(name)) throw new HandlerConfigError(path, 'not a cookie name')
      return { name, render: compileTemplate(text, path, services, context) }
    })
      // Each run alike, where Oathkeeper's order is random (Q-80).
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    const ours = new Set(compiled.map(({ name }) => name))
    return session => {
      const pairs: string[] = []
      for (const { name, render } of compiled) {
        const value = render(session)
        if (typeof value !== 'string') return value
        pairs.push(`${name}=${encodeCookieValue(value)}`)
      }
      // What is no cookie was left out by the parser: an open quote could swallow a cookie of ours.
      for (const [name, value, quoted] of session.request.cookies()) {
        if (!ours.has(name)) pairs.push(`${name}=${quoted ? `"${value}"` : encodeCookieValue(value)}`)
      }
      return withHeader(session, 'cookie', pairs.join('; '))
    }
  },
  setsHeaders: () => ['cookie'],
})

/** Wider than RFC 6265: PHP's `user[id]` is sent by Oathkeeper, too. Nothing that ends a name or a cookie. */
const COOKIE_NAME = /^(?:(?![",;=\\])[!-~])+$/
/** What no value of a cookie may have, so that a subject cannot add a cookie (spec 6.3, RFC 6265 §4.1.1). */
const UNUSABLE_CHARACTERS = /[^\x20!#-:<-[\]-~]/gu

/** Unusable characters go; a blank or a comma puts the value in quotes. */
function encodeCookieValue(text: string): string {
  const value = text.replace(UNUSABLE_CHARACTERS, '')
  return /[ ,]/.test(value) ? `"${value}"` : value
}
