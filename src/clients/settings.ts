/** Settings of the caches for tokens and for responses of introspection, token and session endpoints and of hydrators. */
import { setting } from '../config/setting.ts'
import { duration, wholeNumber } from '../config/value_types.ts'

export const responseCacheSettings = {
  maxBytes: setting('response_cache.max_bytes', wholeNumber(1), {
    default: 33_554_432,
    description:
      'Maximum size in bytes, estimated, of each of the caches of introspections, client credentials, tokens, session endpoints other than Kratos, and hydrators.',
    credenceOnly: true,
  }),
  negativeTtl: setting('response_cache.negative_ttl', duration(), {
    default: '1s',
    description:
      'Time for which an introspection, token or session endpoint is not asked again about an unknown credential that it has rejected, where the rule caches. Set it to 0s if a session endpoint accepts a rejected credential after the login.',
    credenceOnly: true,
  }),
}
