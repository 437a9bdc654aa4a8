/** handlers/parts/header_templates — maps of header names and values or templates, checked and compiled at load. Knows no request. */
import { z } from 'zod'
import type { Path } from '../../documents/issue.ts'
import { isHeaderName, isHeaderValue, nameFault } from '../../http/header_rules.ts'
import { ConfigFault, makeEach } from '../handler.ts'
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
export function settableName(written: string, path: Path): string {
  const name = written.toLowerCase()
  const fault = nameFault(name, 'request')
  if (fault !== undefined) throw new ConfigFault(path, fault)
  return name
}

/** Of a call of our own these belong to the connection; no client sends them on, Go's neither. */
const OF_THE_CONNECTION =
  /^(connection|content-length|expect|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/

/** In name order, for the upstream. Throws `ConfigFault` for a name that may not be set and for a template that does not parse. */
export const compileHeaders = (
  headers: Readonly<Record<string, string>>,
  path: Path,
  services: Pick<Services, 'clock'>,
  context: TemplateContext,
): readonly HeaderTemplate[] => compileNamed(headers, settableName, path, services, context)

/** The same for a call of our own: what no client could set is named at load and left out. */
export function compileCallHeaders(
  headers: Readonly<Record<string, string>>,
  path: Path,
  services: Pick<Services, 'clock'>,
  context: TemplateContext,
): readonly HeaderTemplate[] {
  const nameOf = (written: string, at: Path): string => {
    if (!isHeaderName(written)) throw new ConfigFault(at, 'not a header name')
    return written.toLowerCase()
  }
  const compiled = compileNamed(headers, nameOf, path, services, context)
  for (const { name, written } of compiled) {
    if (OF_THE_CONNECTION.test(name))
      context.warn([...path, written], 'is not sent: it belongs to the connection')
  }
  return compiled.filter(({ name }) => !OF_THE_CONNECTION.test(name))
}

function compileNamed(
  headers: Readonly<Record<string, string>>,
  nameOf: (written: string, path: Path) => string,
  path: Path,
  services: Pick<Services, 'clock'>,
  context: TemplateContext,
): readonly (HeaderTemplate & { readonly written: string })[] {
  return makeEach(Object.entries(headers), ([written, text]) => {
    const at = [...path, written]
    return { name: nameOf(written, at), written, render: compileTemplate(text, at, services, context) }
  }).sort((a, b) => (a.name < b.name ? -1 : 1))
}
