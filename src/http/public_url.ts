/** Shows a URL without the parts that may be a secret. */

export const REDACTED = 'REDACTED'

/**
 * The URL without user info, query and fragment. Also for text that is no valid URL. Everything up to the last
 * `@` counts as user info, because a password may contain any character. Of `inline://` nothing remains: it may
 * hold a key set with private keys.
 */
export function publicUrl(text: string): string {
  if (/^\s*inline:/i.test(text)) return `inline://${REDACTED}`
  const [address = '', separator = ''] = text.split(/([?#])/, 2)
  const visible = address.replace(/^(\s*[a-z][a-z0-9+.-]*:\/\/)?.*@/is, `$1${REDACTED}@`)
  return separator === '' ? visible : `${visible}${separator}${REDACTED}`
}
