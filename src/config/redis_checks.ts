/** config/redis_checks — what the settings of Redis must be to one another. Pure; knows no file and no connection. */

export interface Complaint {
  readonly path: readonly string[]
  readonly message: string
  readonly hint: string
}

/** Characters of a key; it protects sessions of all users. */
const SHORTEST_KEY = 32

/** `host`, `host:port` or `[::1]:port`; `undefined` for anything else. */
export function readNode(text: string, usual: number): { host: string; port: number } | undefined {
  const [, inBrackets, plain, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]@]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = inBrackets ?? plain
  const number = port === undefined ? usual : Number(port)
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number }
}

/** Of settings that are each of their type. */
export function checkRedis(settings: ReadonlyMap<string, unknown>): readonly Complaint[] {
  const get = (name: string) => settings.get(`sessions.redis.${name}`)
  const nodes = (get('nodes') ?? []) as readonly string[]
  if (nodes.length === 0) return []
  const complaints: Complaint[] = []
  const complain = (name: string, message: string, hint: string): void => {
    complaints.push({ path: ['sessions', 'redis', ...name.split('.')], message, hint })
  }
  if (nodes.some(node => readNode(node, 1) === undefined)) {
    complain(
      'nodes',
      'must be a list of host:port',
      'write e.g. redis:6379; user, password and TLS have keys of their own',
    )
  }
  if (get('mode') === 'single' && nodes.length > 1) {
    complain('nodes', 'must be one, or set sessions.redis.mode', 'sentinel and cluster take several')
  }
  if (get('mode') === 'sentinel' && get('master') === undefined) {
    complain('master', 'is missing', 'name the master that the sentinels watch')
  }
  if (get('mode') === 'cluster' && get('database') !== 0)
    complain('database', 'must be 0', 'a cluster has no other')
  const keys = (get('keys') ?? []) as readonly string[]
  if (keys.length === 0 || keys.some(key => key.length < SHORTEST_KEY)) {
    complain(
      'keys',
      'must be there, of 32 characters at least each',
      'make one with `openssl rand -base64 32`; what leaves the process is encrypted with it',
    )
  }
  return complaints
}
