/** handlers/parts/uri — addresses in configurations: what may be called, where keys may be. Reads nothing behind them. */
import type { Path } from '../../lib/issue.ts'
import { ConfigFault } from '../handler.ts'

/** Refuses what is no absolute http or https URL. */
export function httpUrl(text: string, path: Path): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ConfigFault(path, 'must be an absolute http or https URL')
  }
  return text
}

/** Refuses what no key set can be read from. */
export function keySetUrl(text: string, path: Path): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'file' || scheme === 'inline') return text
  if (scheme === 's3' || scheme === 'gs' || scheme === 'azblob') {
    throw new ConfigFault(
      path,
      `${scheme}:// is not supported yet`,
      'mount or serve the key set, and name it by file:// or https://',
    )
  }
  if (scheme !== 'http' && scheme !== 'https') {
    throw new ConfigFault(path, 'not the URL of a key set', 'use file://, http://, https:// or inline://')
  }
  return httpUrl(text, path)
}
