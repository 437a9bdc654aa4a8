/** handlers/parts/uri — addresses in configurations: what may be called, where keys may be. Reads nothing behind them. */
import { z } from 'zod'
import type { DocumentPath } from '../../documents/issue.ts'
import { parseObjectScheme, parseObjectUrl } from '../../http/object_url.ts'
import { HandlerConfigError } from '../handler.ts'

const NOT_HTTP = 'must be an absolute http or https URL'
const isHttpUrl = (text: string): boolean => /^https?:$/.test(URL.parse(text)?.protocol ?? '')

/** An absolute http or https URL. In the schema, so that a fault of the service's configuration is one at its start, rule or none. */
export const httpUrlSchema = z.string().refine(isHttpUrl, NOT_HTTP)

/** The address of a key set, likewise. */
export const keySetUrlSchema = z.string().superRefine((text, check) => {
  try {
    checkKeySetUrl(text, [])
  } catch (error) {
    if (!(error instanceof HandlerConfigError)) throw error
    check.addIssue({ code: 'custom', message: [error.message, error.hint].filter(Boolean).join(': ') })
  }
})

/** Where a browser may be sent: an absolute URL or a reference to one. */
export const urlReferenceSchema = z
  .string()
  .refine(text => !text.startsWith(':') && URL.canParse(text, 'http://h/'), 'must be a URL or a path')

/** Refuses what no key set can be read from. */
export function checkKeySetUrl(text: string, path: DocumentPath): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'file' || scheme === 'inline') return text
  if (parseObjectScheme(text) !== undefined) {
    const object = parseObjectUrl(text)
    if (object.kind === 'bad object url') throw new HandlerConfigError(path, object.message, object.hint)
    return text
  }
  if (scheme !== 'http' && scheme !== 'https') {
    const hint = 'use file://, http://, https://, inline://, s3://, gs:// or azblob://'
    throw new HandlerConfigError(path, 'not the URL of a key set', hint)
  }
  if (!isHttpUrl(text)) throw new HandlerConfigError(path, NOT_HTTP)
  return text
}
