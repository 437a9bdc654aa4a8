/** clients/keys_document — the text of a JWK set to keys, and what of a key may be shown. Pure; knows no URL and no clock. */
import { isRecord, type JsonRecord, member, parseJson } from '../../golang/index.ts'

/** One key of a set. The same object as long as the set says the same of it: whoever holds it can ask whether it is still there. */
export interface ParsedJwk {
  /** Empty when there is none. */
  readonly kid: string
  readonly use: string
  readonly alg: string
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'oct'
  readonly crv: string
  readonly hasPrivate: boolean
  readonly hasPublic: boolean
  /** Everything that the set says of it; secret. */
  readonly jwk: JsonRecord
  /** What everybody may read, by allow-list (I7); `undefined` for a symmetric key. */
  readonly publicJwk: PublicJwk | undefined
  /** The public half, so that twins can be told; unique to a symmetric key. */
  readonly material: string
  /** Unique in this process. */
  readonly serial: number
}

export type PublicJwk = Readonly<Record<string, string>>

/** Members of each kind that make the public half, in the order in which they are printed. */
const PUBLIC_MEMBERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['RSA', ['n', 'e']],
  ['EC', ['crv', 'x', 'y']],
  ['OKP', ['crv', 'x']],
])
/** Keys of one set; what comes after them is not read. */
const MAX_KEYS_PER_SET = 1_000

let lastSerial = 0

/**
 * `undefined` for what is no JWK set. A key of a kind that nobody here knows, or without its members, is left out.
 * Keys of `before` that are unchanged stay the same objects.
 */
export function parseJwkSet(text: string, previous: readonly ParsedJwk[]): readonly ParsedJwk[] | undefined {
  const document = parseJson(text)
  const list = isRecord(document) ? member(document, 'keys') : undefined
  if (!Array.isArray(list)) return undefined
  const known = new Map(previous.map(key => [JSON.stringify(key.jwk), key]))
  return list.slice(0, MAX_KEYS_PER_SET).flatMap(jwk => {
    const key = isRecord(jwk) ? (known.get(JSON.stringify(jwk)) ?? parseJwk(jwk)) : undefined
    return key === undefined ? [] : [key]
  })
}

function parseJwk(jwk: JsonRecord): ParsedJwk | undefined {
  const text = (name: string): string => {
    const value = member(jwk, name)
    return typeof value === 'string' ? value : ''
  }
  const kty = text('kty')
  const base = { kid: text('kid'), use: text('use'), alg: text('alg'), crv: text('crv'), jwk }
  if (kty === 'oct') {
    if (text('k') === '') return undefined
    const ownSerial = ++lastSerial
    return {
      ...base,
      kty,
      hasPrivate: true,
      hasPublic: true,
      publicJwk: undefined,
      material: `oct ${ownSerial}`,
      serial: ownSerial,
    }
  }
  const members = PUBLIC_MEMBERS.get(kty)
  if (members === undefined || members.some(name => text(name) === '')) return undefined
  const publicNames = ['use', 'kty', 'kid', 'alg', ...members].filter(name => text(name) !== '')
  return {
    ...base,
    kty: kty as 'RSA' | 'EC' | 'OKP',
    hasPrivate: text('d') !== '',
    hasPublic: text('d') === '',
    publicJwk: Object.freeze(Object.fromEntries(publicNames.map(name => [name, text(name)]))),
    material: JSON.stringify([kty, ...members.map(text)]),
    serial: ++lastSerial,
  }
}
