/** Settings of the admin API. */
import { type SettingValues, setting } from '../../config/setting.ts'
import { constrained, flag, list, wholeNumber } from '../../config/value_types.ts'

/** A key of random letters and digits of this length has more than 120 bits. */
const MIN_ADMIN_KEY_CHARS = 24

export const adminSettings = {
  enabled: setting('serve.api.admin.enabled', flag(), {
    default: false,
    description:
      'Whether the api port serves /admin/v1, for `credence tail`, `status` and `revoke`. Without keys it answers calls from this machine only.',
    credenceOnly: true,
  }),
  keys: setting(
    'serve.api.admin.keys',
    constrained(
      list(),
      keys => keys.every(key => key.length >= MIN_ADMIN_KEY_CHARS),
      `must have at least ${MIN_ADMIN_KEY_CHARS} characters each`,
      'leave the setting out to allow calls from this machine only',
    ),
    {
      default: [],
      description:
        'Keys of callers of the admin API, sent as bearer tokens. Several can be valid while one replaces another.',
      credenceOnly: true,
      secret: true,
    },
  ),
  recentDenials: setting('serve.api.admin.recent_denials', wholeNumber(), {
    default: 10_000,
    description:
      'Latest denials that the admin API can show. 0: none. A denial takes some 1 KB, at most 10 KB.',
    credenceOnly: true,
  }),
  recentAllows: setting('serve.api.admin.recent_allows', wholeNumber(), {
    default: 1_000,
    description: 'Latest allowed requests that the admin API can show. 0: none.',
    credenceOnly: true,
  }),
}

/** How much the admin API can show; `undefined` where it is not enabled, so that nothing is stored. */
export const recentActivityLimits = (
  settings: SettingValues,
): { readonly maxDenials: number; readonly maxAllows: number } | undefined =>
  settings.get(adminSettings.enabled)
    ? {
        maxDenials: settings.get(adminSettings.recentDenials),
        maxAllows: settings.get(adminSettings.recentAllows),
      }
    : undefined
