/**
 * Replaces the Cookie header of the upstream request: cookies from templates, then the other cookies of the
 * request.
 */
import { z } from 'zod'
import { withHeader } from '../../access/session.ts'
import { HandlerConfigError, mapCollectingErrors } from '../compile/config_error.ts'
import { publicString } from '../compile/public_config.ts'
import { compileTemplate } from '../compile/template.ts'
import { defineMutator } from '../handler.ts'

export const cookie = defineMutator({
  id: 'cookie',
  summary: 'sets cookies of the upstream request from templates and keeps its other cookies',
  config: z.strictObject({
    cookies: z
      .record(publicString(), z.string())
      .describe('Cookie names, each with a template of its value.'),
    from_clients: z
      .boolean()
      .optional()
      .describe(
        'Whether clients may send cookies of these names through rules that do not set them, as with Oathkeeper. Default: false.',
      ),
  }),
  example: { cookies: { user: '{{ print .Subject }}' } },
  compile({ cookies }, services, context) {
    const compiled = mapCollectingErrors(Object.entries(cookies), ([name, text]) => {
      const path = ['cookies', name]
      if (!COOKIE_NAME.test(name))
        throw new HandlerConfigError(
          path,
          'not a cookie name',
          'use letters, digits, hyphens and underscores',
        )
      return { name, render: compileTemplate(text, path, services, context) }
    })
      // A fixed order; Oathkeeper's is random (Q-80).
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    const templateNames = new Set(compiled.map(({ name }) => name))
    return session => {
      const pairs: string[] = []
      for (const { name, render } of compiled) {
        const value = render(session)
        if (typeof value !== 'string') return value
        pairs.push(`${name}=${encodeCookieValue(value)}`)
      }
      // Write parsed cookies only. In an invalid part an open quote could hide a cookie from a template.
      for (const [name, value, quoted] of session.request.cookies()) {
        if (!templateNames.has(name))
          pairs.push(`${name}=${quoted ? `"${value}"` : encodeCookieValue(value)}`)
      }
      return withHeader(session, 'cookie', pairs.join('; '))
    }
  },
  setsHeaders: () => ['cookie'],
  setsCookies: ({ cookies, from_clients: fromClients }) => (fromClients === true ? [] : Object.keys(cookies)),
})

/**
 * Wider than RFC 6265, because Oathkeeper also accepts PHP's `user[id]`. Excludes characters that end a name
 * or a cookie.
 */
const COOKIE_NAME = /^(?:(?![",;=\\])[!-~])+$/
/**
 * Characters that a cookie value must not have (RFC 6265 §4.1.1). They could end the value and add a cookie.
 */
const UNUSABLE_CHARACTERS = /[^\x20!#-:<-[\]-~]/gu

/** Removes unusable characters. Quotes a value with a space or a comma, as Go does. */
function encodeCookieValue(text: string): string {
  const value = text.replace(UNUSABLE_CHARACTERS, '')
  return /[ ,]/.test(value) ? `"${value}"` : value
}
