/** config — the service's own settings and Oathkeeper's: files, flags and environment to one frozen value, with every issue of every source. */
import { DEMANDS } from '../config/demands.ts'
import { handlerLeaves, isPlain, readHandlers, SECTIONS } from '../config/handler_sections.ts'
import {
  environmentLayer,
  fileLayer,
  flagLayer,
  issueIn,
  type Layer,
  type Leaf,
  parentsOf,
  placeIn,
} from '../config/layers.ts'
import { checkRedis } from '../config/redis_checks.ts'
import { describe, readSetting } from '../config/setting_value.ts'
import { SETTINGS, type Setting } from '../config/settings.ts'
import { type Issue, type Path, sortIssues } from '../documents/issue.ts'
import type { GlobalHandlers } from '../handlers/builder.ts'
import type { SealedHandler } from '../handlers/handler.ts'
import { nearest } from '../lib/closest_match.ts'
import { merge } from '../lib/merge.ts'

export interface Config {
  /** A setting by its path; durations in milliseconds. Throws for a path that is not in the table. */
  text(path: string): string | undefined
  number(path: string): number
  /** `undefined` where nobody set it and it has no default. */
  numberIfSet(path: string): number | undefined
  flag(path: string): boolean
  list(path: string): readonly string[]
  /** A setting of whatever type, to be compared. */
  value(path: string): unknown
  readonly handlers: GlobalHandlers
  /** Accepted keys without effect, and defaults that are not Oathkeeper's: named at start, never silent. */
  readonly notices: readonly Issue[]
  /** Where a value was written. */
  place(path: Path): { readonly source: string; readonly line: number; readonly column: number }
}

export interface ConfigSources {
  /** Later ones win. */
  readonly files: readonly { readonly source: string; readonly text: string }[]
  readonly env: NodeJS.ProcessEnv
  /** Text by setting path. */
  readonly flags: ReadonlyMap<string, string>
}

export interface LoadedConfig {
  /** Absent when there is any error. */
  readonly config: Config | undefined
  /** What could be read in spite of errors, with defaults for the rest: to look at rules with, not to serve with. */
  readonly readable: Config
  readonly issues: readonly Issue[]
}

/** Defaults < files < flags < environment (spec 8.1). */
export function loadConfig(sources: ConfigSources, handlers: readonly SealedHandler[]): LoadedConfig {
  const issues: Issue[] = []
  const leaves: readonly Leaf[] = [
    ...SETTINGS.map(({ path, type, ours }) => ({ path: path.split('.'), type, ours })),
    ...handlerLeaves(handlers),
  ]
  const layers: Layer[] = sources.files.flatMap(file => fileLayer(file.source, file.text, issues) ?? [])
  layers.push(
    flagLayer(sources.flags, issues),
    environmentLayer(sources.env, [...parentsOf(leaves), ...leaves], issues),
  )
  const value = layers.reduce<unknown>((below, layer) => merge(below, layer.value), {})
  nameUnknown(value, [], layers, issues)
  const settings = readSettings(value, layers, issues)
  const global = readHandlers(value, handlers, layers, issues)
  const responders = handlers.filter(one => one.kind === 'error').map(one => one.id)
  checkFallback(settings.get('errors.fallback') as readonly string[], responders, global, layers, issues)
  const idle = SETTINGS.filter(one => one.idle !== undefined && given(value, one.path)).map(one =>
    issueIn(layers, 'warning', one.path.split('.'), 'accepted, without effect', one.idle),
  )
  const relaxed = RELAXED.filter(({ path, value: one }) => settings.get(path) === one).map(one =>
    issueIn(layers, 'warning', one.path.split('.'), one.message, one.hint),
  )
  const notices = [...idle, ...relaxed, ...LOOPBACK.filter(path => !settings.has(path)).map(loopbackNotice)]
  const sorted = sortIssues(issues)
  const readable = freeze(settings, global, notices, layers)
  const usable = !issues.some(issue => issue.severity === 'error')
  return { config: usable ? readable : undefined, readable, issues: sorted }
}

/** Settings that bring back what is refused or read more strictly for a reason (architecture 13.5). */
const RELAXED = [
  {
    path: 'paths',
    value: 'oathkeeper',
    message: 'paths that can be read in two ways are decoded and cleaned, not refused',
    hint: 'have Envoy normalise paths and reject escaped slashes, or leave it out',
  },
  {
    path: 'hosts',
    value: 'exact',
    message: 'hosts are compared byte by byte: another case, or a port, is another host',
    hint: 'a rule for all hosts but one can be evaded that way; leave it out where you can',
  },
] as const

/** Hosts that are loopback where nobody says otherwise; Oathkeeper listens on all interfaces (architecture 14.11). */
const LOOPBACK: readonly string[] = ['serve.api.host', 'serve.prometheus.host']

const loopbackNotice = (path: string): Issue => ({
  severity: 'warning',
  source: 'defaults',
  line: 0,
  column: 0,
  path,
  message: 'not set: listens on loopback only',
  hint: 'set it to "" for all interfaces, as Oathkeeper does',
})

const given = (value: unknown, path: string): boolean => valueAt(value, path) !== undefined

const valueAt = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((at, key) => (isPlain(at) && Object.hasOwn(at, key) ? at[key] : undefined), value)

/** Every key must be a setting, a part of the way to one, or a handler's. */
function nameUnknown(
  value: unknown,
  path: readonly string[],
  layers: readonly Layer[],
  issues: Issue[],
): void {
  if (!isPlain(value)) return
  const prefix = path.length === 0 ? '' : `${path.join('.')}.`
  const known = new Set(
    SETTINGS.filter(one => one.path.startsWith(prefix)).map(
      one => one.path.slice(prefix.length).split('.')[0] as string,
    ),
  )
  for (const [, section] of SECTIONS) {
    if (path.every((key, i) => section[i] === key) && section.length > path.length)
      known.add(section[path.length] as string)
  }
  for (const [key, member] of Object.entries(value)) {
    const at = [...path, key]
    if (!known.has(key)) {
      const near = nearest(key, known)
      issues.push(issueIn(layers, 'error', at, `unknown key "${key}"`, near && `did you mean "${near}"?`))
    } else if (SECTIONS.some(([, section]) => section.join('.') === at.join('.'))) continue
    else if (SETTINGS.some(one => one.path === at.join('.'))) continue
    else if (isPlain(member)) nameUnknown(member, at, layers, issues)
    else if (member !== null) issues.push(issueIn(layers, 'error', at, 'must be a map'))
  }
}

type Settings = ReadonlyMap<string, unknown>

function readSettings(value: unknown, layers: readonly Layer[], issues: Issue[]): Settings {
  const settings = new Map<string, unknown>()
  for (const setting of SETTINGS) {
    const raw = valueAt(value, setting.path) ?? setting.default
    if (raw === undefined || raw === null) continue
    const read = readSetting(raw, setting.type)
    if (read === undefined) {
      issues.push(issueIn(layers, 'error', setting.path.split('.'), `must be ${describe(setting.type)}`))
      const instead = readSetting(setting.default, setting.type)
      if (instead !== undefined) settings.set(setting.path, instead)
    } else settings.set(setting.path, read)
  }
  for (const { path, met, message, hint } of DEMANDS) {
    if (settings.has(path) && !met(settings.get(path))) {
      issues.push(issueIn(layers, 'error', path.split('.'), message, hint))
    }
  }
  for (const { path, message, hint } of checkRedis(settings)) {
    issues.push(issueIn(layers, 'error', path, message, hint))
  }
  return settings
}

/** A fallback that is unknown or switched off answers 500 where it would be used. */
function checkFallback(
  fallback: readonly string[] | undefined,
  known: readonly string[],
  global: GlobalHandlers,
  layers: readonly Layer[],
  issues: Issue[],
): void {
  fallback?.forEach((id, i) => {
    if (global.error.get(id)?.enabled === true) return
    const path = ['errors', 'fallback', i]
    const near = nearest(id, known)
    const [what, hint] = known.includes(id)
      ? [`error handler "${id}" is not enabled`, `set errors.handlers.${id}.enabled: true`]
      : [`unknown error handler "${id}"`, near ? `did you mean "${near}"?` : `known: ${known.join(', ')}`]
    issues.push(issueIn(layers, 'warning', path, `${what}: it answers 500`, hint))
  })
}

function freeze(
  settings: Settings,
  handlers: GlobalHandlers,
  notices: readonly Issue[],
  layers: readonly Layer[],
): Config {
  const get = (path: string): unknown => {
    if (!KNOWN.has(path)) throw new Error(`no setting ${path}`)
    return settings.get(path)
  }
  return Object.freeze({
    text: (path: string) => get(path) as string | undefined,
    number: (path: string) => get(path) as number,
    numberIfSet: (path: string) => get(path) as number | undefined,
    flag: (path: string) => get(path) === true,
    list: (path: string) => (get(path) ?? []) as readonly string[],
    value: get,
    handlers,
    notices,
    place: (path: Path) => placeIn(layers, path),
  })
}

const KNOWN: ReadonlySet<string> = new Set(SETTINGS.map((one: Setting) => one.path))
