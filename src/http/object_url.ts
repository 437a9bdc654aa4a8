/** Parses URLs of objects in cloud storage (`s3://`, `gs://`, `azblob://`) with the options of gocloud.dev, which Oathkeeper uses. */
import { closestMatch } from '../lib/closest_match.ts'

export type ObjectScheme = 's3' | 'gs' | 'azblob'

export interface ObjectUrl {
  readonly kind: 'object'
  readonly scheme: ObjectScheme
  /** The bucket of S3 or Google Cloud Storage, or the container of Azure. */
  readonly bucket: string
  /** Decoded, without a leading slash. */
  readonly key: string
  /** Options of the query by their current name. Booleans are `true` or `false`. */
  readonly options: ReadonlyMap<string, string>
  /** For messages and the log: without the query, which may hold a signature. */
  readonly name: string
}

export interface InvalidObjectUrl {
  readonly kind: 'invalid object url'
  readonly message: string
  readonly hint: string
}

type OptionType = 'text' | 'boolean' | { readonly sameAs: string } | 'ignored'

/**
 * The options of gocloud.dev's s3blob, gcsblob and azureblob. `ignored`: the option matters only for writing.
 */
const SUPPORTED_OPTIONS: Readonly<Record<ObjectScheme, Readonly<Record<string, OptionType>>>> = {
  s3: {
    region: 'text',
    endpoint: 'text',
    profile: 'text',
    prefix: 'text',
    anonymous: 'boolean',
    use_path_style: 'boolean',
    s3ForcePathStyle: { sameAs: 'use_path_style' },
    hostname_immutable: { sameAs: 'use_path_style' },
    disable_https: 'boolean',
    disableSSL: { sameAs: 'disable_https' },
    accelerate: 'boolean',
    dualstack: 'boolean',
    fips: 'boolean',
    awssdk: 'ignored',
    rate_limiter_capacity: 'ignored',
    request_checksum_calculation: 'ignored',
    response_checksum_validation: 'ignored',
    ssetype: 'ignored',
    kmskeyid: 'ignored',
  },
  gs: { prefix: 'text', universe_domain: 'text', access_id: 'ignored', private_key_path: 'ignored' },
  azblob: {
    prefix: 'text',
    storage_account: 'text',
    domain: 'text',
    protocol: 'text',
    cdn: 'boolean',
    localemu: 'boolean',
  },
}

/** As Go's strconv.ParseBool parses them. */
const BOOLEANS: ReadonlyMap<string, string> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map(word => [word, 'true'] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map(word => [word, 'false'] as const),
])

const EXAMPLES: Readonly<Record<ObjectScheme, string>> = {
  s3: 's3://bucket/rules.json?region=eu-central-1',
  gs: 'gs://bucket/rules.json',
  azblob: 'azblob://container/rules.json',
}

/** The scheme of an object URL; `undefined` for any other text. */
export function parseObjectScheme(text: string): ObjectScheme | undefined {
  const scheme = /^(s3|gs|azblob):\/\//i.exec(text)?.[1]
  return scheme?.toLowerCase() as ObjectScheme | undefined
}

/**
 * Parses a URL for which `parseObjectScheme` finds a scheme. Its messages quote nothing of the query but the
 * name of an option.
 */
export function parseObjectUrl(text: string): ObjectUrl | InvalidObjectUrl {
  const scheme = parseObjectScheme(text) as ObjectScheme
  const invalid = (message: string, hint = `write e.g. ${EXAMPLES[scheme]}`): InvalidObjectUrl => ({
    kind: 'invalid object url',
    message,
    hint,
  })
  const url = URL.parse(text)
  if (url === null || url.host === '') return invalid(`not the URL of an object in ${scheme}://`)
  if (url.username !== '' || url.password !== '') {
    return invalid('the URL has credentials', 'set the environment variables of the storage client instead')
  }
  const path = decodeComponent(url.pathname.slice(1))
  if (path === undefined || path === '') return invalid('the URL names no object')
  const options = new Map<string, string>()
  const supported = SUPPORTED_OPTIONS[scheme]
  for (const [name, value] of url.searchParams) {
    const option = Object.hasOwn(supported, name) ? (supported[name] as OptionType) : undefined
    if (option === undefined) return invalid(`unknown parameter "${name}"`, suggestParameter(name, scheme))
    const target = typeof option === 'object' ? option.sameAs : name
    const type = supported[target]
    const parsed = type === 'boolean' ? BOOLEANS.get(value) : value
    if (parsed === undefined) return invalid(`"${name}" must be true or false`)
    if (type !== 'ignored') options.set(target, parsed)
  }
  if (scheme === 'gs' && url.searchParams.get('access_id') === '-') {
    const hint = 'use https://storage.googleapis.com/BUCKET/OBJECT for a public object'
    return invalid('reading without credentials is not supported', hint)
  }
  const key = (options.get('prefix') ?? '') + path
  return { kind: 'object', scheme, bucket: url.host, key, options, name: `${scheme}://${url.host}/${key}` }
}

function suggestParameter(name: string, scheme: ObjectScheme): string {
  const known = Object.entries(SUPPORTED_OPTIONS[scheme]).flatMap(([key, type]) =>
    type === 'ignored' ? [] : [key],
  )
  const near = closestMatch(name, known)
  return near === undefined ? `known: ${known.join(', ')}` : `did you mean "${near}"?`
}

function decodeComponent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
