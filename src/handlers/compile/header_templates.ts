/** handlers/parts/header_templates — maps of header names and values or templates, checked and compiled at load. Knows no request. */
import { z } from 'zod'
import type { DocumentPath } from '../../documents/issue.ts'
import { headerNameProblem, isHeaderName, isHeaderValue } from '../../http/header_rules.ts'
import { HandlerConfigError, mapCollectingErrors } from '../handler.ts'
import type { Services } from '../services.ts'
import { compileTemplate, type RenderTemplate, type TemplateContext } from './template.ts'

export interface HeaderTemplate {
  /** Lower case. */
  readonly name: string
  readonly render: RenderTemplate
}

/** Headers that are sent as they are written: what no client could send is found at load. */
export const fixedHeadersSchema = z
  .record(
    z.string().refine(isHeaderName, 'not a header name'),
    z.string().refine(isHeaderValue, 'has characters that no header may have'),
  )
  .optional()

/** A header name in lower case. Throws `ConfigFault` for one that may not be set. */
export function settableHeaderName(written: string, path: DocumentPath): string {
  const name = written.toLowerCase()
  const problem = headerNameProblem(name, 'request')
  if (problem !== undefined) throw new HandlerConfigError(path, problem)
  return name
}

/** Of a call of our own these belong to the connection; no client sends them on, Go's neither. */
const CONNECTION_HEADERS =
  /^(connection|content-length|expect|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/

/** In name order, for the upstream. Throws `ConfigFault` for a name that may not be set and for a template that does not parse. */
export const compileUpstreamHeaders = (
  headers: Readonly<Record<string, string>>,
  path: DocumentPath,
  services: Pick<Services, 'clock'>,
  context: TemplateContext,
): readonly HeaderTemplate[] => compileHeaderMap(headers, settableHeaderName, path, services, context)

/** The same for a call of our own: what no client could set is named at load and left out. */
export function compileOutgoingHeaders(
  headers: Readonly<Record<string, string>>,
  path: DocumentPath,
  services: Pick<Services, 'clock'>,
  context: TemplateContext,
): readonly HeaderTemplate[] {
  const nameOf = (written: string, headerPath: DocumentPath): string => {
    if (!isHeaderName(written)) throw new HandlerConfigError(headerPath, 'not a header name')
    return written.toLowerCase()
  }
  const compiled = compileHeaderMap(headers, nameOf, path, services, context)
  for (const { name, written } of compiled) {
    if (CONNECTION_HEADERS.test(name))
      context.warn([...path, written], 'is not sent: it belongs to the connection')
  }
  return compiled.filter(({ name }) => !CONNECTION_HEADERS.test(name))
}

function compileHeaderMap(
  headers: Readonly<Record<string, string>>,
  nameOf: (written: string, path: DocumentPath) => string,
  path: DocumentPath,
  services: Pick<Services, 'clock'>,
  context: TemplateContext,
): readonly (HeaderTemplate & { readonly written: string })[] {
  return mapCollectingErrors(Object.entries(headers), ([written, text]) => {
    const headerPath = [...path, written]
    return {
      name: nameOf(written, headerPath),
      written,
      render: compileTemplate(text, headerPath, services, context),
    }
  }).sort((a, b) => (a.name < b.name ? -1 : 1))
}
