/** Semantic versions and constraints as in Masterminds/semver 3.3. */
import { compareStrings, GoError } from '../../golang/index.ts'

export interface Version {
  readonly major: bigint
  readonly minor: bigint
  readonly patch: bigint
  readonly prerelease: string
  readonly metadata: string
  readonly original: string
}

const TAIL = '(?:-([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?(?:\\+([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?'
const VERSION = new RegExp(`^v?([0-9]+)(?:\\.([0-9]+))?(?:\\.([0-9]+))?${TAIL}$`)

/** Throws a `GoError` for an invalid version. */
export function parseVersion(text: string): Version {
  const found = VERSION.exec(text)
  if (found === null) throw new GoError('invalid semantic version')
  const [major = '0', minor = '0', patch = '0', pre = '', metadata = ''] = found.slice(1)
  const numbers = [major, minor, patch].map(BigInt)
  if (numbers.some(n => n >= 1n << 64n)) throw new GoError('invalid semantic version')
  if (pre.split('.').some(part => /^0[0-9]+$/.test(part))) throw new GoError('version segment starts with 0')
  return {
    major: numbers[0] as bigint,
    minor: numbers[1] as bigint,
    patch: numbers[2] as bigint,
    prerelease: pre,
    metadata,
    original: text,
  }
}

export const formatVersion = (v: Version): string =>
  `${v.major}.${v.minor}.${v.patch}${v.prerelease === '' ? '' : `-${v.prerelease}`}${v.metadata === '' ? '' : `+${v.metadata}`}`

function comparePrerelease(a: string, b: string): number {
  if (a === b) return 0
  if (a === '') return 1
  if (b === '') return -1
  const left = a.split('.')
  const right = b.split('.')
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const x = left[i]
    const y = right[i]
    if (x === undefined) return -1
    if (y === undefined) return 1
    if (x === y) continue
    const numeric = [x, y].map(part => /^[0-9]+$/.test(part))
    if (numeric[0] && numeric[1]) {
      const difference = BigInt(x) - BigInt(y)
      if (difference !== 0n) return difference > 0n ? 1 : -1
    } else if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1
    else return compareStrings(x, y) > 0 ? 1 : -1
  }
  return 0
}

/** Compares by semantic versioning 2.0, which ignores metadata. */
export function compareVersions(a: Version, b: Version): number {
  for (const part of ['major', 'minor', 'patch'] as const) {
    if (a[part] !== b[part]) return a[part] > b[part] ? 1 : -1
  }
  return comparePrerelease(a.prerelease, b.prerelease)
}

interface Constraint {
  readonly operator: string
  readonly version: Version
  /** Whether a part was omitted or a wildcard, and which. */
  readonly dirty: boolean
  readonly minorDirty: boolean
  readonly patchDirty: boolean
}

const OPERATORS = '=|!=|>=|=>|<=|=<|~>|>|<|~|\\^|'
const PARTS = `v?([0-9|xX*]+)(\\.[0-9|xX*]+)?(\\.[0-9|xX*]+)?(${TAIL.replaceAll('(?:', '(?:').replaceAll(/\((?!\?)/g, '(?:')})`
const SINGLE_CONSTRAINT = new RegExp(`^\\s*(${OPERATORS})\\s*${PARTS}\\s*$`)
const UNCAPTURED_PARTS = PARTS.replaceAll(/\((?!\?)/g, '(?:')
const CONSTRAINT = new RegExp(`(?:${OPERATORS})\\s*${UNCAPTURED_PARTS}`, 'g')
const CONSTRAINT_LIST = new RegExp(
  `^(?:\\s*(?:${OPERATORS})\\s*${UNCAPTURED_PARTS}\\s*)(?:(?:\\s+|,\\s*)(?:${OPERATORS})\\s*${UNCAPTURED_PARTS}\\s*)*$`,
)
const HYPHEN_RANGE = new RegExp(`\\s*(${UNCAPTURED_PARTS})\\s+-\\s+(${UNCAPTURED_PARTS})\\s*`, 'g')

const isWildcard = (part: string | undefined): boolean =>
  part === undefined || part === '' || ['x', 'X', '*'].includes(part.replace('.', ''))

function parseConstraint(source: string): Constraint {
  const found = SINGLE_CONSTRAINT.exec(source)
  if (found === null) throw new GoError('improper constraint')
  const [, operator = '', major, minor, patch, tail = ''] = found
  const pre = tail.replace(/\+.*$/, '')
  if (isWildcard(major)) {
    return {
      operator,
      version: parseVersion(`0.0.0${pre}`),
      dirty: true,
      minorDirty: false,
      patchDirty: false,
    }
  }
  if (isWildcard(minor)) {
    return {
      operator,
      version: parseVersion(`${major}.0.0${pre}`),
      dirty: true,
      minorDirty: true,
      patchDirty: false,
    }
  }
  if (isWildcard(patch)) {
    return {
      operator,
      version: parseVersion(`${major}${minor}.0${pre}`),
      dirty: true,
      minorDirty: false,
      patchDirty: true,
    }
  }
  return {
    operator,
    version: parseVersion(`${major}${minor}${patch}${tail}`),
    dirty: false,
    minorDirty: false,
    patchDirty: false,
  }
}

function satisfies(v: Version, c: Constraint): boolean {
  const { operator, version: bound, dirty, minorDirty, patchDirty } = c
  // A constraint without a prerelease excludes prereleases.
  const excludesPrerelease = v.prerelease !== '' && bound.prerelease === ''
  if (operator === '!=') {
    if (!dirty) return compareVersions(v, bound) !== 0
    if (excludesPrerelease) return false
    if (bound.major !== v.major) return true
    if (bound.minor !== v.minor && !minorDirty) return true
    if (minorDirty) return false
    if (bound.patch !== v.patch && !patchDirty) return true
    if (patchDirty)
      return (
        (v.prerelease !== '' || bound.prerelease !== '') &&
        comparePrerelease(v.prerelease, bound.prerelease) !== 0
      )
    return compareVersions(v, bound) !== 0
  }
  if (excludesPrerelease) return false
  switch (operator) {
    case '>':
      if (!dirty) return compareVersions(v, bound) > 0
      if (v.major !== bound.major) return v.major > bound.major
      if (minorDirty) return false
      if (patchDirty) return v.minor > bound.minor
      return compareVersions(v, bound) > 0
    case '<':
      return compareVersions(v, bound) < 0
    case '>=':
    case '=>':
      return compareVersions(v, bound) >= 0
    case '<=':
    case '=<':
      if (!dirty) return compareVersions(v, bound) <= 0
      if (v.major > bound.major) return false
      return !(v.major === bound.major && v.minor > bound.minor && !minorDirty)
    case '^':
      return caret(v, c)
    case '~':
    case '~>':
      return tilde(v, c)
    default:
      return dirty ? tilde(v, c) : compareVersions(v, bound) === 0
  }
}

function tilde(v: Version, { version: con, minorDirty, patchDirty }: Constraint): boolean {
  if (compareVersions(v, con) < 0) return false
  if (con.major === 0n && con.minor === 0n && con.patch === 0n && !minorDirty && !patchDirty) return true
  return v.major === con.major && (v.minor === con.minor || minorDirty)
}

function caret(v: Version, { version: con, minorDirty, patchDirty }: Constraint): boolean {
  if (compareVersions(v, con) < 0) return false
  if (con.major > 0n || minorDirty) return v.major === con.major
  if (v.major > 0n) return false
  if (con.minor > 0n || patchDirty) return v.minor === con.minor
  return v.minor === 0n && con.patch === v.patch
}

/** The regular expressions above backtrack; real constraints are shorter. */
const MAX_CONSTRAINT_CHARS = 256

/** Whether a version satisfies a constraint. Throws a `GoError` if either is invalid. */
export function checkVersion(constraint: string, version: string): boolean {
  if (constraint.length > MAX_CONSTRAINT_CHARS) throw new GoError('improper constraint')
  const source = constraint.replace(HYPHEN_RANGE, (_all, from: string, to: string) => `>= ${from}, <= ${to} `)
  const alternatives = source.split('||').map(part => {
    if (!CONSTRAINT_LIST.test(part)) throw new GoError('improper constraint')
    return (part.match(CONSTRAINT) ?? [part]).map(parseConstraint)
  })
  const v = parseVersion(version)
  return alternatives.some(all => all.every(one => satisfies(v, one)))
}
