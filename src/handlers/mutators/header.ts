/** handlers/mutators/header — sets request headers for the upstream from templates. Asks nobody. */
import { z } from 'zod'
import { internal } from '../../access/denial.ts'
import { withHeader } from '../../access/session.ts'
import { TemplateError } from '../../lib/template.ts'
import { mutator } from '../handler.ts'
import { compileHeaders } from '../parts/header_templates.ts'
import { templateData } from '../parts/template_data.ts'

export const header = mutator({
  id: 'header',
  summary: 'sets request headers for the upstream from templates',
  config: z.strictObject({
    headers: z.record(z.string(), z.string()).describe('header names, each with a template for its value'),
  }),
  example: { headers: { 'X-User-Id': '{{ print .Subject }}' } },
  compile({ headers }) {
    const compiled = compileHeaders(headers, ['headers'])
    return session => {
      let changed = session
      for (const { name, template } of compiled) {
        try {
          // Each template sees what the ones before it have set, in name order.
          const value = template.render(templateData(changed))
          if (CONTROL.test(value)) return internal('template', `the value of ${name} has a control character`)
          changed = withHeader(changed, name, value)
        } catch (error) {
          if (!(error instanceof TemplateError)) throw error
          return internal('template', `the template of ${name} failed: ${error.message}`)
        }
      }
      return changed
    }
  },
  writes: ({ headers }) => Object.keys(headers).map(name => name.toLowerCase()),
})

/** No header may have these; refused, never stripped (Q-79, D2). */
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/
