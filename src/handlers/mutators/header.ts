/** Sets headers of the upstream request from templates. */
import { z } from 'zod'
import { internalError } from '../../access/denial.ts'
import { withHeader } from '../../access/session.ts'
import { isHeaderValue } from '../../http/header_rules.ts'
import { compileUpstreamHeaders } from '../compile/header_templates.ts'
import { publicString } from '../compile/public_config.ts'
import { defineMutator } from '../handler.ts'

export const header = defineMutator({
  id: 'header',
  summary: 'sets headers of the upstream request from templates',
  config: z.strictObject({
    headers: z
      .record(publicString(), z.string())
      .describe('Header names, each with a template of its value.'),
  }),
  example: { headers: { 'X-User-Id': '{{ print .Subject }}' } },
  compile({ headers }, services, context) {
    const compiled = compileUpstreamHeaders(headers, ['headers'], services, context)
    return session => {
      let changed = session
      for (const { name, render } of compiled) {
        // In order of names, so that each template sees the headers before it.
        const value = render(changed)
        if (typeof value !== 'string') return value
        if (!isHeaderValue(value))
          return internalError('template', `the value of ${name} has a control character`)
        changed = withHeader(changed, name, value)
      }
      return changed
    }
  },
  setsHeaders: ({ headers }) => Object.keys(headers).map(name => name.toLowerCase()),
  setsCookies: ({ headers }) =>
    Object.entries(headers).flatMap(([name, text]) =>
      name.toLowerCase() === 'cookie' ? cookieNamesIn(text) : [],
    ),
})

/** Names that stand literally in the template of a Cookie header. */
const cookieNamesIn = (text: string): readonly string[] =>
  [...text.matchAll(/(?:^|;) *([^=;\s{}"]+)=/g)].map(([, name]) => name as string)
