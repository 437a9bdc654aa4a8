/** Finds settings that have changed and take effect only at the next start. */

import { type Diagnostic, formatPath } from '../documents/diagnostic.ts'
import { readJwksOptions } from '../handlers/authenticators/jwt.ts'
import { HANDLER_SECTIONS } from '../handlers/compile/sections.ts'
import type { Config } from './config.ts'
import { SETTINGS } from './settings.ts'

/** One warning for each changed setting, by its key. Values are not quoted: they may be secrets. */
export function changesPendingRestart(running: Config, current: Config): Diagnostic[] {
  const paths = SETTINGS.filter(
    setting =>
      !setting.reloadable &&
      setting.ignoredBecause === undefined &&
      differs(running.get(setting), current.get(setting)),
  ).map(({ path }) => path.split('.'))
  const jwt = ['authenticators', 'jwt', 'config']
  const timing = ({ handlers }: Config) => readJwksOptions(handlers.authenticator.get('jwt')?.config)
  const [before, after] = [timing(running), timing(current)]
  if (before.ttl !== after.ttl) paths.push([...jwt, 'jwks_ttl'])
  if (before.maxWait !== after.maxWait) paths.push([...jwt, 'jwks_max_wait'])
  return paths.map(path => ({
    severity: 'warning',
    ...current.positionOf(path),
    path: formatPath(path),
    message: 'changed, and takes effect at the next start',
    hint: 'restart the service',
  }))
}

/**
 * Keys of all settings and sections of handlers that differ, in the order of docs/configuration.md. A section of a handler
 * is one key, such as `mutators.header`.
 */
export function changedSettings(before: Config, after: Config): readonly string[] {
  const settings = SETTINGS.filter(setting => differs(before.get(setting), after.get(setting))).map(
    ({ path }) => path,
  )
  const sections = HANDLER_SECTIONS.flatMap(([kind, path]) => {
    const ids = new Set([...before.handlers[kind].keys(), ...after.handlers[kind].keys()])
    return [...ids]
      .filter(id => differs(before.handlers[kind].get(id), after.handlers[kind].get(id)))
      .map(id => [...path, id].join('.'))
  })
  return [...settings, ...sections]
}

const differs = (before: unknown, after: unknown): boolean => JSON.stringify(before) !== JSON.stringify(after)
