/** config/redis_checks — what the settings of Redis must be to one another. Pure; knows no file and no connection. */

export interface SettingProblem {
  readonly path: readonly string[]
  readonly message: string
  readonly hint: string
}

/** Characters of a key; it protects sessions of all users. */
const MIN_REDIS_KEY_CHARACTERS = 32

/** `host`, `host:port` or `[::1]:port`; `undefined` for anything else. */
export function parseRedisNode(
  text: string,
  defaultPort: number,
): { host: string; port: number } | undefined {
  const [, inBrackets, plain, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]@]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = inBrackets ?? plain
  const number = port === undefined ? defaultPort : Number(port)
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number }
}

/** Of settings that are each of their type. */
export function checkRedisSettings(settings: ReadonlyMap<string, unknown>): readonly SettingProblem[] {
  const get = (name: string) => settings.get(`sessions.redis.${name}`)
  const nodes = (get('nodes') ?? []) as readonly string[]
  if (nodes.length === 0) return []
  const problems: SettingProblem[] = []
  const report = (name: string, message: string, hint: string): void => {
    problems.push({ path: ['sessions', 'redis', ...name.split('.')], message, hint })
  }
  if (nodes.some(node => parseRedisNode(node, 1) === undefined)) {
    report(
      'nodes',
      'must be a list of host:port',
      'write e.g. redis:6379; user, password and TLS have keys of their own',
    )
  }
  if (get('mode') === 'single' && nodes.length > 1) {
    report('nodes', 'must be one, or set sessions.redis.mode', 'sentinel and cluster take several')
  }
  if (get('mode') === 'sentinel' && get('master') === undefined) {
    report('master', 'is missing', 'name the master that the sentinels watch')
  }
  if (get('mode') === 'cluster' && get('database') !== 0)
    report('database', 'must be 0', 'a cluster has no other')
  const keys = (get('keys') ?? []) as readonly string[]
  if (keys.length === 0 || keys.some(key => key.length < MIN_REDIS_KEY_CHARACTERS)) {
    report(
      'keys',
      'must be there, of 32 characters at least each',
      'make one with `openssl rand -base64 32`; what leaves the process is encrypted with it',
    )
  }
  return problems
}
