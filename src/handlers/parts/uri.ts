/** handlers/parts/uri — addresses in configurations: what may be called, where keys may be. Reads nothing behind them. */
import { z } from 'zod'
import type { Path } from '../../lib/issue.ts'
import { objectSchemeOf, readObjectUrl } from '../../lib/object_url.ts'
import { ConfigFault } from '../handler.ts'

const NOT_HTTP = 'must be an absolute http or https URL'
const isHttp = (text: string): boolean => /^https?:$/.test(URL.parse(text)?.protocol ?? '')

/** The same as `httpUrl` for a schema: a fault of the service's configuration is one at its start, rule or none. */
export const httpUrlSchema = z.string().refine(isHttp, NOT_HTTP)

/** Refuses what is no absolute http or https URL. */
export function httpUrl(text: string, path: Path): string {
  if (!isHttp(text)) throw new ConfigFault(path, NOT_HTTP)
  return text
}

/** Refuses what no key set can be read from. */
export function keySetUrl(text: string, path: Path): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'file' || scheme === 'inline') return text
  if (objectSchemeOf(text) !== undefined) {
    const object = readObjectUrl(text)
    if (object.kind === 'bad object url') throw new ConfigFault(path, object.message, object.hint)
    return text
  }
  if (scheme !== 'http' && scheme !== 'https') {
    const hint = 'use file://, http://, https://, inline://, s3://, gs:// or azblob://'
    throw new ConfigFault(path, 'not the URL of a key set', hint)
  }
  return httpUrl(text, path)
}
