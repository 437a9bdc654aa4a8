/** Validates and compiles maps of header names to values or templates when rules load. */
import { z } from 'zod'
import type { DocumentPath } from '../../documents/diagnostic.ts'
import { headerNameProblem, isHeaderName, isHeaderValue } from '../../http/header_rules.ts'
import type { Services } from '../services.ts'
import { HandlerConfigError, mapCollectingErrors } from './config_error.ts'
import { publicString } from './public_config.ts'
import { compileTemplate, type RenderTemplate, type TemplateContext } from './template.ts'

/** A header with a compiled template of its value. */
export interface HeaderTemplate {
  /** Lower case. */
  readonly name: string
  readonly render: RenderTemplate
}

/** Headers with fixed values, validated so that an unsendable one is found when rules load. */
export const fixedHeadersSchema = z
  .record(
    publicString().refine(isHeaderName, 'must be a header name'),
    z.string().refine(isHeaderValue, 'has characters that are not allowed in a header'),
  )
  .optional()

/**
 * Returns the header name in lower case. Throws `HandlerConfigError` for a header that a rule must not set.
 */
export function settableHeaderName(written: string, path: DocumentPath): string {
  const name = written.toLowerCase()
  const problem = headerNameProblem(name, 'request')
  if (problem !== undefined)
    throw new HandlerConfigError(path, problem, isHeaderName(name) ? 'remove it' : HEADER_NAME_HINT)
  return name
}

const HEADER_NAME_HINT = 'use letters, digits and hyphens'

/** Headers of the connection. No HTTP client lets callers set them, Go's included. */
const CONNECTION_HEADERS =
  /^(connection|content-length|expect|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/

/**
 * Compiles headers of the upstream request, in order of names. Throws `HandlerConfigError` for a header that
 * a rule must not set and for a template that does not parse.
 */
export const compileUpstreamHeaders = (
  headers: Readonly<Record<string, string>>,
  path: DocumentPath,
  services: Pick<Services, 'clock'>,
  context: TemplateContext,
): readonly HeaderTemplate[] => compileHeaderMap(headers, settableHeaderName, path, services, context)

/**
 * Compiles headers of an outgoing call, in order of names. Connection headers cause a warning and are
 * omitted.
 */
export function compileOutgoingHeaders(
  headers: Readonly<Record<string, string>>,
  path: DocumentPath,
  services: Pick<Services, 'clock'>,
  context: TemplateContext,
): readonly HeaderTemplate[] {
  const nameOf = (written: string, headerPath: DocumentPath): string => {
    if (!isHeaderName(written))
      throw new HandlerConfigError(headerPath, 'must be a header name', HEADER_NAME_HINT)
    return written.toLowerCase()
  }
  const compiled = compileHeaderMap(headers, nameOf, path, services, context)
  for (const { name, written } of compiled) {
    if (CONNECTION_HEADERS.test(name))
      context.warn([...path, written], 'is not sent: the HTTP client sets it itself', 'remove it')
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
