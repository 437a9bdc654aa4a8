/** What the record of a decision and Envoy's dynamic metadata may show of a request, as the configuration says. */
import { createHmac } from 'node:crypto'

/** Longest path that `where: path` shows, in UTF-16 code units. The rest is cut off. */
const MAX_PATH_CHARS = 200
/** Longest path that `where: full` shows, in UTF-16 code units. */
const MAX_FULL_PATH_CHARS = 8_192
/** Longest subject that is shown, in UTF-16 code units. */
const MAX_SUBJECT_CHARS = 256
/** Characters of a hash that are shown, four bits each: 64 bits, so that two subjects do not share one. */
const HASH_CHARS = 16
/** Bounds the cache of hashes. Beyond it the cache starts anew. */
const MAX_CACHED_HASHES = 10_000
/** Stands for what is cut off or masked. */
const ELLIPSIS = '…'

export interface DecisionPrivacyOptions {
  /** `path` cuts long paths and masks those of `maskedPaths`, `full` masks only, `none` shows no URL at all. */
  readonly where: 'full' | 'path' | 'none'
  /** Beginnings of decoded paths. Of a path that begins so, only the beginning is shown. */
  readonly maskedPaths: readonly string[]
  /** How the subject and the client's address are shown. */
  readonly who: 'subject' | 'hash' | 'none'
  /** Key of the hash. With one key, all replicas and restarts show the same hash for a person. */
  readonly hashKey: string | Uint8Array
}

/** Where a request went to, without its query. */
export interface ShownUrl {
  readonly scheme: string
  readonly host: string
  readonly path: string
}

export interface DecisionPrivacy {
  url(request: {
    readonly scheme: string
    readonly authority: string
    readonly path: string
    readonly rawPath: string
  }): ShownUrl
  /** A subject or an address. */
  person(text: string): string
}

const NO_URL: ShownUrl = Object.freeze({ scheme: '', host: '', path: '' })

/** The functions are fixed for the life of the process, so they are chosen once. */
export function createDecisionPrivacy(options: DecisionPrivacyOptions): DecisionPrivacy {
  const { where, maskedPaths } = options
  const maxChars = where === 'full' ? MAX_FULL_PATH_CHARS : MAX_PATH_CHARS
  return {
    url:
      where === 'none'
        ? () => NO_URL
        : ({ scheme, authority, path, rawPath }) => ({
            scheme,
            host: authority,
            path: maskPath(maskedPaths, path) ?? cut(rawPath, maxChars),
          }),
    person: showPerson(options),
  }
}

/** Compares the decoded path, because a client chooses how it encodes one. `undefined`: not masked. */
function maskPath(masked: readonly string[], path: string): string | undefined {
  for (let i = 0; i < masked.length; i++) {
    const prefix = masked[i] as string
    if (path.startsWith(prefix)) return prefix + ELLIPSIS
  }
  return undefined
}

function showPerson({ who, hashKey }: DecisionPrivacyOptions): (text: string) => string {
  if (who === 'none') return () => ''
  if (who === 'subject') return text => cut(text, MAX_SUBJECT_CHARS)
  const hashes = new Map<string, string>()
  return text => {
    if (text === '') return ''
    const known = hashes.get(text)
    if (known !== undefined) return known
    const hash = createHmac('sha256', hashKey).update(text).digest('hex').slice(0, HASH_CHARS)
    if (hashes.size >= MAX_CACHED_HASHES) hashes.clear()
    hashes.set(text, hash)
    return hash
  }
}

const cut = (text: string, maxChars: number): string =>
  text.length <= maxChars ? text : text.slice(0, maxChars).toWellFormed() + ELLIPSIS
