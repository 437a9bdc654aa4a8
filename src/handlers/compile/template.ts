/** Compiles a Go template of a rule to a function of the session. */
import { type Denial, internalError } from '../../access/denial.ts'
import type { Session } from '../../access/session.ts'
import { type DocumentPath, formatPath } from '../../documents/diagnostic.ts'
import { lintTemplate, parseTemplate, type Template, TemplateError } from '../../gotemplate/index.ts'
import type { CompileContext } from '../handler.ts'
import type { Services } from '../services.ts'
import { HandlerConfigError } from './config_error.ts'
import { SESSION_FIELDS, templateData } from './template_data.ts'

/** Returns the rendered text, or a denial with 500 if the template fails for this session. */
export type RenderTemplate = (session: Session) => string | Denial

/** Receives warnings, and knows whether patterns have capture groups. */
export type TemplateContext = Pick<CompileContext, 'warn'> & Partial<Pick<CompileContext, 'strategy'>>

/**
 * Parses and lints a template. `path` leads from the handler's config to the text. `options.json`: the
 * template renders JSON. Throws `HandlerConfigError` for a template that does not parse.
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
      'RegexpCaptureGroups is empty, because glob patterns have no capture groups',
      CAPTURES_HINT,
    )
  }
  const { constant } = template
  if (constant !== undefined) return () => constant
  const name = formatPath(path)
  return session => {
    try {
      return template.render(templateData(session))
    } catch (error) {
      return internalError('template', `the template ${name} failed: ${describeError(error)}`, error)
    }
  }
}

const CAPTURES_HINT = 'use matching_strategy: regexp, or .MatchContext.URL.Path'

const describeError = (error: unknown): string =>
  error instanceof TemplateError
    ? `line ${error.line}, column ${error.column}: ${error.message}`
    : 'unknown error'
