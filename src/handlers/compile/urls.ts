/** Schemas of URLs in handler configurations. */
import { z } from 'zod'
import type { DocumentPath } from '../../documents/diagnostic.ts'
import { parseObjectScheme, parseObjectUrl } from '../../http/object_url.ts'
import { HandlerConfigError } from './config_error.ts'
import { publicUrlOf } from './public_config.ts'

const NOT_HTTP = 'must be an absolute http or https URL'
const isHttpUrl = (text: string): boolean => /^https?:$/.test(URL.parse(text)?.protocol ?? '')

/**
 * An absolute http or https URL. As a schema, it also rejects the service configuration at the start when no
 * rule uses the handler.
 */
export const httpUrlSchema = publicUrlOf(z.string().refine(isHttpUrl, NOT_HTTP))

/** The URL of a key set. */
export const keySetUrlSchema = publicUrlOf(z.string()).superRefine((text, check) => {
  try {
    checkKeySetUrl(text, [])
  } catch (error) {
    if (!(error instanceof HandlerConfigError)) throw error
    check.addIssue({ code: 'custom', message: [error.message, error.hint].filter(Boolean).join(': ') })
  }
})

/** The target of a redirect: an absolute URL or a relative reference. */
export const urlReferenceSchema = publicUrlOf(z.string()).refine(
  text => !text.startsWith(':') && URL.canParse(text, 'http://h/'),
  'must be a URL or a path',
)

/** Returns the URL unchanged. Throws `HandlerConfigError` if a key set cannot be read from it. */
export function checkKeySetUrl(text: string, path: DocumentPath): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'file' || scheme === 'inline') return text
  if (parseObjectScheme(text) !== undefined) {
    const object = parseObjectUrl(text)
    if (object.kind === 'invalid object url') throw new HandlerConfigError(path, object.message, object.hint)
    return text
  }
  if (scheme !== 'http' && scheme !== 'https') {
    const hint = 'use file://, http://, https://, inline://, s3://, gs:// or azblob://'
    throw new HandlerConfigError(path, 'must be the URL of a key set', hint)
  }
  if (!isHttpUrl(text)) throw new HandlerConfigError(path, NOT_HTTP)
  return text
}
