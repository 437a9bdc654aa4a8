/** Requests HTTP Basic credentials. The status is 401 for every denial. */
import { z } from 'zod'
import type { Header } from '../../access/session.ts'
import { isHeaderValue } from '../../http/header_rules.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { publicString } from '../compile/public_config.ts'
import { defineErrorHandler } from '../handler.ts'
import { NO_STORE_HEADERS } from '../responses/error_body.ts'
import { whenSchema } from '../responses/when.ts'

export const wwwAuthenticate = defineErrorHandler({
  id: 'www_authenticate',
  summary: 'responds with 401 and requests HTTP Basic credentials',
  config: z.strictObject({
    realm: publicString().optional().describe('Realm of the challenge. Default: `Please authenticate.`'),
    when: whenSchema,
  }),
  example: { realm: 'staff only' },
  compile({ realm }) {
    const name = realm || 'Please authenticate.'
    if (!isHeaderValue(name))
      throw new HandlerConfigError(['realm'], 'has characters that are not allowed in a header')
    const headers: readonly Header[] = [
      { name: 'www-authenticate', value: `Basic realm="${name.replace(/["\\]/g, '\\$&')}"` },
      { name: 'content-type', value: 'text/plain; charset=utf-8' },
      ...NO_STORE_HEADERS,
    ]
    return () => ({ status: 401, headers, body: 'Unauthorized\n' })
  },
})
