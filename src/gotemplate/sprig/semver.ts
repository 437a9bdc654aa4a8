/** sprig's `semver` and `semverCompare`. */
import { GoError } from '../../golang/index.ts'
import { type FunctionTable, goFunc, signature } from '../values/signature.ts'
import {
  GoInt,
  type GoMethod,
  type GoValue,
  goInt,
  goStruct,
  type StructType,
  UINT64,
} from '../values/value.ts'
import {
  checkVersion,
  compareVersions,
  formatVersion,
  parseVersion,
  type Version,
} from './semver_constraint.ts'

const method = (run: (v: Version) => GoValue): GoMethod<Version> => ({ signature: signature([]), run })
const incremented = (v: Version, change: Partial<Version>): GoValue => {
  const raised = { ...v, prerelease: '', metadata: '', ...change }
  return goStruct(VERSION_TYPE, {
    ...raised,
    original: (v.original.startsWith('v') ? 'v' : '') + formatVersion(raised),
  })
}
const VERSION_TYPE: StructType<Version> = {
  name: 'semver.Version',
  pointer: true,
  fields: new Map(),
  methods: new Map<string, GoMethod<Version>>([
    ['Major', method(v => new GoInt(UINT64, v.major))],
    ['Minor', method(v => new GoInt(UINT64, v.minor))],
    ['Patch', method(v => new GoInt(UINT64, v.patch))],
    ['Prerelease', method(v => v.prerelease)],
    ['Metadata', method(v => v.metadata)],
    ['Original', method(v => v.original)],
    ['String', method(formatVersion)],
    ['IncMajor', method(v => incremented(v, { major: v.major + 1n, minor: 0n, patch: 0n }))],
    ['IncMinor', method(v => incremented(v, { minor: v.minor + 1n, patch: 0n }))],
    ['IncPatch', method(v => incremented(v, v.prerelease === '' ? { patch: v.patch + 1n } : {}))],
    ...(['Compare', 'Equal', 'LessThan', 'GreaterThan'] as const).map(
      name => [name, comparison(name)] as const,
    ),
  ]),
  text: formatVersion,
  json: v => JSON.stringify(formatVersion(v)),
}

function comparison(name: 'Compare' | 'Equal' | 'LessThan' | 'GreaterThan'): GoMethod<Version> {
  return {
    signature: signature(['any']),
    run: (v, [other]) => {
      const self = (other as { self?: unknown } | null)?.self as Version | undefined
      if (self === undefined || typeof self.original !== 'string') throw new GoError('not a version')
      const order = compareVersions(v, self)
      if (name === 'Compare') return goInt(order)
      return name === 'Equal' ? order === 0 : name === 'LessThan' ? order < 0 : order > 0
    },
  }
}

export const SEMVER_FUNCTIONS: FunctionTable = {
  semver: goFunc(['string'], version => goStruct(VERSION_TYPE, parseVersion(version))),
  semverCompare: goFunc(['string', 'string'], checkVersion),
}
