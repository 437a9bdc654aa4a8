/** Settings of the Redis servers through which replicas share sessions and revocations. */
import type { SettingProblem } from '../../config/load_settings.ts'
import { type SettingValues, setting } from '../../config/setting.ts'
import { duration, flag, list, oneOf, text, wholeNumber } from '../../config/value_types.ts'
import type { RedisClientOptions } from './redis_client.ts'

export const redisSettings = {
  nodes: setting('sessions.redis.nodes', list(), {
    default: [],
    description:
      'Redis servers, as host:port, through which replicas share sessions and revocations: one server, or some of the sentinels or of the cluster. Empty: nothing is shared.',
    credenceOnly: true,
  }),
  mode: setting('sessions.redis.mode', oneOf('single', 'sentinel', 'cluster'), {
    default: 'single',
    description: 'Kind of the servers in `nodes`: single, sentinel or cluster.',
    credenceOnly: true,
  }),
  master: setting('sessions.redis.master', text(), {
    description: 'Name of the master that the sentinels monitor.',
    credenceOnly: true,
  }),
  database: setting('sessions.redis.database', wholeNumber(), {
    default: 0,
    description: 'Number of the database. A cluster has only 0.',
    credenceOnly: true,
  }),
  username: setting('sessions.redis.username', text(), {
    description: 'User name for Redis (ACL).',
    credenceOnly: true,
  }),
  password: setting('sessions.redis.password', text(), {
    description: 'Password for Redis.',
    credenceOnly: true,
    secret: true,
  }),
  sentinelPassword: setting('sessions.redis.sentinel_password', text(), {
    description: 'Password for the sentinels.',
    credenceOnly: true,
    secret: true,
  }),
  keys: setting('sessions.redis.keys', list(), {
    default: [],
    description:
      'Encryption keys for shared data, at least 32 characters each. The first one encrypts; all of them decrypt, so that one can replace another.',
    credenceOnly: true,
    secret: true,
  }),
  prefix: setting('sessions.redis.prefix', text(), {
    default: 'credence:',
    description: 'Prefix of every key in Redis.',
    credenceOnly: true,
  }),
  timeout: setting('sessions.redis.timeout', duration(), {
    default: '50ms',
    description: 'Timeout for a Redis lookup. On timeout Credence asks Kratos.',
    credenceOnly: true,
  }),
  tlsEnabled: setting('sessions.redis.tls.enabled', flag(), {
    default: false,
    description: 'Whether to use TLS to Redis and to the sentinels.',
    credenceOnly: true,
  }),
  tlsCa: setting('sessions.redis.tls.ca', text(), {
    description: 'File of the CAs that sign Redis’ certificate, PEM. Unset: the CAs of the system.',
    credenceOnly: true,
  }),
  tlsCert: setting('sessions.redis.tls.cert', text(), {
    description: 'File of Credence’s client certificate, PEM, if Redis requires one.',
    credenceOnly: true,
  }),
  tlsKey: setting('sessions.redis.tls.key', text(), {
    description: 'File of the private key of `tls.cert`, PEM.',
    credenceOnly: true,
  }),
  tlsServerName: setting('sessions.redis.tls.server_name', text(), {
    description: 'Name in Redis’ certificate, if it is not the host of the node.',
    credenceOnly: true,
  }),
}

/** Users of all identities could be impersonated with a guessed key. */
const MIN_KEY_CHARACTERS = 32

/** `host`, `host:port` or `[::1]:port`; `undefined` for anything else. */
export function parseRedisNode(
  node: string,
  defaultPort: number,
): { readonly host: string; readonly port: number } | undefined {
  const [, inBrackets, plain, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]@]+))(?::(\d{1,5}))?$/.exec(node) ?? []
  const host = inBrackets ?? plain
  const number = port === undefined ? defaultPort : Number(port)
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number }
}

/** Constraints between the settings of Redis. */
export function checkRedisSettings(settings: Pick<SettingValues, 'get'>): readonly SettingProblem[] {
  const nodes = settings.get(redisSettings.nodes)
  if (nodes.length === 0) return []
  const mode = settings.get(redisSettings.mode)
  const keys = settings.get(redisSettings.keys)
  const problems: SettingProblem[] = []
  const report = (name: string, message: string, hint: string): void => {
    problems.push({ path: ['sessions', 'redis', name], message, hint })
  }
  if (nodes.some(node => parseRedisNode(node, 1) === undefined)) {
    report(
      'nodes',
      'must be a list of host:port',
      'for example redis:6379; user, password and TLS have keys of their own',
    )
  }
  if (mode === 'single' && nodes.length > 1) {
    report('nodes', 'must be one node, or set sessions.redis.mode', 'sentinel and cluster accept several')
  }
  if (mode === 'sentinel' && settings.get(redisSettings.master) === undefined) {
    report('master', 'is missing', 'set it to the name of the master that the sentinels monitor')
  }
  if (mode === 'cluster' && settings.get(redisSettings.database) !== 0) {
    report('database', 'must be 0', 'a cluster has no other database')
  }
  if (keys.length === 0 || keys.some(key => key.length < MIN_KEY_CHARACTERS)) {
    report(
      'keys',
      `must be set, with at least ${MIN_KEY_CHARACTERS} characters each`,
      'create one with `openssl rand -base64 32`; shared data is encrypted with it',
    )
  }
  return problems
}

/** How to connect to Redis; TLS files are read by the caller. */
export function redisClientOptions(settings: SettingValues): Omit<RedisClientOptions, 'onError' | 'tls'> {
  const mode = settings.get(redisSettings.mode)
  const defaultPort = mode === 'sentinel' ? 26_379 : 6_379
  return {
    mode,
    nodes: settings.get(redisSettings.nodes).flatMap(node => parseRedisNode(node, defaultPort) ?? []),
    master: settings.get(redisSettings.master) ?? '',
    username: settings.get(redisSettings.username),
    password: settings.get(redisSettings.password),
    sentinelPassword: settings.get(redisSettings.sentinelPassword),
    database: settings.get(redisSettings.database),
  }
}
