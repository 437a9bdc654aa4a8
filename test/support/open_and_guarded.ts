/** Rules that differ in who passes, for tests of which rule a request meets. */
import { createCheckHarness, statusOf } from './check_harness.ts'

const HANDLERS = `
authenticators: {anonymous: {enabled: true}, unauthorized: {enabled: true}}
authorizers: {allow: {enabled: true}}
mutators: {noop: {enabled: true}}
`

const rule = (id: string, url: string, authenticator: string) => ({
  id,
  match: { url, methods: ['GET'] },
  authenticators: [{ handler: authenticator }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'noop' }],
})

/** Allows everyone. */
export const openRule = (url: string, id = 'open') => rule(id, url, 'anonymous')
/** Allows no one: 401. */
export const guardedRule = (url: string, id = 'guarded') => rule(id, url, 'unauthorized')

/** Status of a GET under these rules; `config` precedes the handlers. */
export async function statusUnder(
  rules: readonly object[],
  request: { readonly host: string; readonly path: string; readonly scheme?: string },
  config = '',
): Promise<number> {
  const harness = await createCheckHarness({ config: config + HANDLERS, rules: JSON.stringify(rules) })
  return statusOf(await harness.send({ method: 'GET', scheme: 'https', ...request }))
}
