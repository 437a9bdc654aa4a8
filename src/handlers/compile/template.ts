/** handlers/parts/compile_template — a template of a rule, compiled at load, to a function of the session. Knows no handler. */
import { type Denial, internalError } from '../../access/denial.ts'
import type { Session } from '../../access/session.ts'
import type { DocumentPath } from '../../documents/issue.ts'
import { lintTemplate, parseTemplate, type Template, TemplateError } from '../../gotemplate/index.ts'
import { type CompileContext, HandlerConfigError } from '../handler.ts'
import type { Services } from '../services.ts'
import { SESSION_FIELDS, templateData } from './template_data.ts'

/** The rendered text, or the 500 of a template that fails for this session (spec 6.0). */
export type RenderTemplate = (session: Session) => string | Denial

/** Whom to warn, and whether patterns capture anything. */
export type TemplateContext = Pick<CompileContext, 'warn'> & Partial<Pick<CompileContext, 'strategy'>>

/**
 * Parses and lints; throws `ConfigFault` at `path` for a template that no session could render. `json` says that the
 * text is a JSON document.
 */
export function compileTemplate(
  text: string,
  path: DocumentPath,
  services: Pick<Services, 'clock'>,
  context: TemplateContext,
  options: { readonly json?: boolean } = {},
): RenderTemplate {
  let template: Template
  try {
    template = parseTemplate(text, { clock: services.clock })
  } catch (error) {
    throw new HandlerConfigError(path, `the template does not parse: ${describeError(error)}`)
  }
  for (const { line, column, message, hint } of lintTemplate(template, {
    ...options,
    fields: SESSION_FIELDS,
  })) {
    context.warn(path, `template, line ${line}, column ${column}: ${message}`, hint)
  }
  if (context.strategy === 'glob' && /\.RegexpCaptureGroups\b/.test(text)) {
    context.warn(
      path,
      'patterns of the glob strategy capture nothing: RegexpCaptureGroups is empty',
      CAPTURES_HINT,
    )
  }
  const { constant } = template
  if (constant !== undefined) return () => constant
  return session => {
    try {
      return template.render(templateData(session))
    } catch (error) {
      return internalError('template', `a template failed: ${describeError(error)}`, error)
    }
  }
}

const CAPTURES_HINT = 'use matching_strategy: regexp, or .MatchContext.URL.Path'

const describeError = (error: unknown): string =>
  error instanceof TemplateError
    ? `line ${error.line}, column ${error.column}: ${error.message}`
    : 'unknown error'
