/** lib/template_sprig_semver — sprig's `semver` and `semverCompare`. Knows nothing of access control. */
import { Fault } from '../../golang/index.ts'
import { type FunctionTable, fn, signature } from '../values/signature.ts'
import { goStruct, Int, int, type Method, type StructType, UINT64, type Value } from '../values/value.ts'
import {
  checkVersion,
  compareVersions,
  parseVersion,
  type Version,
  versionText,
} from './semver_constraint.ts'

const method = (run: (v: Version) => Value): Method<Version> => ({ signature: signature([]), run })
const next = (v: Version, change: Partial<Version>): Value => {
  const raised = { ...v, pre: '', metadata: '', ...change }
  return goStruct(VERSION_TYPE, {
    ...raised,
    original: (v.original.startsWith('v') ? 'v' : '') + versionText(raised),
  })
}
const VERSION_TYPE: StructType<Version> = {
  name: 'semver.Version',
  pointer: true,
  fields: new Map(),
  methods: new Map<string, Method<Version>>([
    ['Major', method(v => new Int(UINT64, v.major))],
    ['Minor', method(v => new Int(UINT64, v.minor))],
    ['Patch', method(v => new Int(UINT64, v.patch))],
    ['Prerelease', method(v => v.pre)],
    ['Metadata', method(v => v.metadata)],
    ['Original', method(v => v.original)],
    ['String', method(versionText)],
    ['IncMajor', method(v => next(v, { major: v.major + 1n, minor: 0n, patch: 0n }))],
    ['IncMinor', method(v => next(v, { minor: v.minor + 1n, patch: 0n }))],
    ['IncPatch', method(v => next(v, v.pre === '' ? { patch: v.patch + 1n } : {}))],
    ...(['Compare', 'Equal', 'LessThan', 'GreaterThan'] as const).map(
      name => [name, comparison(name)] as const,
    ),
  ]),
  text: versionText,
  json: v => JSON.stringify(versionText(v)),
}

function comparison(name: 'Compare' | 'Equal' | 'LessThan' | 'GreaterThan'): Method<Version> {
  return {
    signature: signature(['any']),
    run: (v, [other]) => {
      const self = (other as { self?: unknown } | null)?.self as Version | undefined
      if (self === undefined || typeof self.original !== 'string') throw new Fault('not a version')
      const order = compareVersions(v, self)
      if (name === 'Compare') return int(order)
      return name === 'Equal' ? order === 0 : name === 'LessThan' ? order < 0 : order > 0
    },
  }
}

export const SEMVER: FunctionTable = {
  semver: fn(['string'], version => goStruct(VERSION_TYPE, parseVersion(version))),
  semverCompare: fn(['string', 'string'], checkVersion),
}
