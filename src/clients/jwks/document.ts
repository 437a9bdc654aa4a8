/** Parses a JWK set and selects the members of each key that may be published. */
import { isRecord, type JsonRecord, ownMember, parseJson } from '../../golang/index.ts'

/**
 * One key of a set. An unchanged key keeps its object when the set reloads, so object identity shows whether
 * a key is still in the set.
 */
export interface ParsedJwk {
  /** Empty if absent; so are `use`, `alg` and `crv`. */
  readonly kid: string
  readonly use: string
  readonly alg: string
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'oct'
  readonly crv: string
  readonly hasPrivate: boolean
  readonly hasPublic: boolean
  /** All members, secret ones included. */
  readonly jwk: JsonRecord
  /** The public members, selected by an allow-list. `undefined` for a symmetric key. */
  readonly publicJwk: PublicJwk | undefined
  /** Equal for the private and the public half of one key pair. Unique for a symmetric key. */
  readonly material: string
  /** Unique in this process. */
  readonly serial: number
}

/** The members of a key that may be published. */
export type PublicJwk = Readonly<Record<string, string>>

/** Members of the public half by key type, in the order in which they are printed. */
const PUBLIC_MEMBERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['RSA', ['n', 'e']],
  ['EC', ['crv', 'x', 'y']],
  ['OKP', ['crv', 'x']],
])
/** Further keys of a set are ignored. */
const MAX_KEYS_PER_SET = 1_000

let lastSerial = 0

/**
 * Returns `undefined` for a text that is not a JWK set. Keys of an unknown type and keys with missing members
 * are skipped. Keys that equal one of `previous` are the same objects.
 */
export function parseJwkSet(text: string, previous: readonly ParsedJwk[]): readonly ParsedJwk[] | undefined {
  const document = parseJson(text)
  const list = isRecord(document) ? ownMember(document, 'keys') : undefined
  if (!Array.isArray(list)) return undefined
  const previousKeys = new Map(previous.map(key => [JSON.stringify(key.jwk), key]))
  return list.slice(0, MAX_KEYS_PER_SET).flatMap(jwk => {
    const key = isRecord(jwk) ? (previousKeys.get(JSON.stringify(jwk)) ?? parseJwk(jwk)) : undefined
    return key === undefined ? [] : [key]
  })
}

function parseJwk(jwk: JsonRecord): ParsedJwk | undefined {
  const text = (name: string): string => {
    const value = ownMember(jwk, name)
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
