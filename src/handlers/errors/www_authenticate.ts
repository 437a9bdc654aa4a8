/** handlers/errors/www_authenticate — asks for HTTP Basic credentials. Always 401, whatever the denial. */
import { z } from 'zod'
import type { Header } from '../../access/session.ts'
import { isHeaderValue } from '../../http/header_rules.ts'
import { defineErrorHandler, HandlerConfigError } from '../handler.ts'
import { NO_STORE_HEADERS } from '../responses/error_body.ts'
import { whenSchema } from '../responses/when.ts'

export const wwwAuthenticate = defineErrorHandler({
  id: 'www_authenticate',
  summary: 'answers 401 and asks for HTTP Basic credentials',
  config: z.strictObject({
    realm: z.string().optional().describe('what the credentials are for; default "Please authenticate."'),
    when: whenSchema,
  }),
  example: { realm: 'staff only' },
  compile({ realm }) {
    const name = realm || 'Please authenticate.'
    if (!isHeaderValue(name))
      throw new HandlerConfigError(['realm'], 'has characters that no header may have')
    const headers: readonly Header[] = [
      { name: 'www-authenticate', value: `Basic realm="${name.replace(/["\\]/g, '\\$&')}"` },
      { name: 'content-type', value: 'text/plain; charset=utf-8' },
      ...NO_STORE_HEADERS,
    ]
    return () => ({ status: 401, headers, body: 'Unauthorized\n' })
  },
})
