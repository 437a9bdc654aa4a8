/** Validates the URL that the browser is redirected to after a flow. */
import { badRequest } from './errors.ts'
import type { ApiError } from './exchange.ts'
import type { StandInSettings } from './settings.ts'

/** Returns the validated URL, the default for an absent one, or Kratos' error. */
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
  if ([...settings.allowedReturnUrls, own].some(entry => allows(entry, url))) return { url: url.href }
  const reason = `Requested return_to URL "${requested}" is not allowed.`
  return { error: badRequest(reason, 'self_service_flow_return_to_forbidden') }
}

/** Compares scheme and host with port (or a suffix after `*.`). As in Kratos the path is a plain prefix: `/app` also allows `/app-evil`. */
function allows(entry: string, url: URL): boolean {
  const [, scheme, host, path] = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)(.*)$/i.exec(entry) ?? []
  if (scheme === undefined || host === undefined) return false
  if (`${scheme.toLowerCase()}:` !== url.protocol) return false
  const wanted = host.toLowerCase()
  const hostMatches = wanted.startsWith('*.') ? url.host.endsWith(wanted.slice(1)) : url.host === wanted
  return hostMatches && url.pathname.startsWith(path || '/')
}
