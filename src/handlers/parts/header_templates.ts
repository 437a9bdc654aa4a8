/** handlers/parts/header_templates — maps of header names and templates, checked and compiled at load. Knows no request. */
import type { Path } from '../../lib/issue.ts'
import { parseTemplate, type Template, TemplateError } from '../../lib/template.ts'
import { ConfigFault } from '../handler.ts'

export interface HeaderTemplate {
  /** Lower case. */
  readonly name: string
  readonly template: Template
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** They frame the message or belong to the hop; Envoy would write them out, and a request could be smuggled (D10, J1). */
const FRAMING =
  /^(connection|content-length|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|x-envoy-.*)$/

/** In name order. Throws `ConfigFault` for a name that may not be set and for a template that does not parse. */
export function compileHeaders(
  headers: Readonly<Record<string, string>>,
  path: Path,
): readonly HeaderTemplate[] {
  return Object.entries(headers)
    .map(([written, text]) => {
      const name = written.toLowerCase()
      if (!TOKEN.test(name)) throw new ConfigFault([...path, written], 'not a header name')
      if (FRAMING.test(name))
        throw new ConfigFault([...path, written], 'this header frames the message and is never set')
      return { name, template: compileTemplate(text, [...path, written]) }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A template, or a `ConfigFault` that names line and column within it. */
export function compileTemplate(text: string, path: Path): Template {
  try {
    return parseTemplate(text)
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    throw new ConfigFault(path, `template line ${error.line}, column ${error.column}: ${error.message}`)
  }
}
