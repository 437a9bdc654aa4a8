/** demo/kratos/return_to — where a browser may be sent after a flow. Knows no flows. */
import { badRequest } from './errors.ts'
import type { ApiError } from './exchange.ts'
import type { StandInSettings } from './settings.ts'

/** The checked target (the default where none was asked for), or Kratos' error. */
export function resolveReturnTo(
  settings: StandInSettings,
  requested: string | null,
): { readonly url: string } | { readonly error: ApiError } {
  if (requested === null || requested === '') return { url: settings.defaultReturnUrl }
  let url: URL
  try {
    url = new URL(requested, settings.defaultReturnUrl)
  } catch {
    return { error: badRequest('Unable to parse the return_to query parameter as an URL') }
  }
  const own = `${settings.public.baseUrl}/self-service`
  if ([...settings.allowedReturnUrls, own].some(one => allows(one, url))) return { url: url.href }
  const reason = `Requested return_to URL "${requested}" is not allowed.`
  return { error: badRequest(reason, 'self_service_flow_return_to_forbidden') }
}

/** Scheme, host with port (or a suffix after `*.`), and the path as a plain prefix: `/app` allows `/app-evil` too. */
function allows(entry: string, url: URL): boolean {
  const [, scheme, host, path] = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)(.*)$/i.exec(entry) ?? []
  if (scheme === undefined || host === undefined) return false
  if (`${scheme.toLowerCase()}:` !== url.protocol) return false
  const wanted = host.toLowerCase()
  const hostMatches = wanted.startsWith('*.') ? url.host.endsWith(wanted.slice(1)) : url.host === wanted
  return hostMatches && url.pathname.startsWith(path || '/')
}
