/**
 * Authorizes through the access control policies of Ory Keto 0.5 and older, which later versions do not have
 * (Q-71).
 */
import { z } from 'zod'
import { type Denial, forbidden, internalError } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Session } from '../../access/session.ts'
import type { HttpResponse } from '../../clients/http/message.ts'
import { isRecord, memberIgnoringCase, parseJson } from '../../golang/index.ts'
import { quoteJsonString } from '../../gotemplate/index.ts'
import { compileNetworks } from '../../http/networks.ts'
import { type Clock, millis } from '../../lib/time.ts'
import { failedCall } from '../compile/call_failure.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { publicString } from '../compile/public_config.ts'
import { compileTemplate } from '../compile/template.ts'
import { httpUrlSchema } from '../compile/urls.ts'
import { defineAuthorizer } from '../handler.ts'

export const ketoEngineAcpOry = defineAuthorizer({
  id: 'keto_engine_acp_ory',
  summary:
    'authorizes through the access control policies of Ory Keto 0.5 or older; later versions do not have them',
  config: z.strictObject({
    base_url: httpUrlSchema.describe('URL of Keto.'),
    required_action: publicString().describe('Template of the action. An empty one means `unset`.'),
    required_resource: publicString().describe('Template of the resource. An empty one means `unset`.'),
    subject: z.string().optional().describe('Template of the subject. Default: the subject of the session.'),
    flavor: publicString()
      .optional()
      .describe('Matching strategy of Keto: regex, glob or exact. Default: regex.'),
    respect_forwarded_for_header: z
      .boolean()
      .optional()
      .describe(
        'Whether to send the first public address of X-Forwarded-For, else X-Real-Ip, as with Oathkeeper. Clients can choose both, unless the gateway overwrites them. Default: false: the address that the gateway states.',
      ),
  }),
  example: {
    base_url: 'http://keto:4466/',
    required_action: 'read',
    required_resource: 'articles:{{ printIndex .MatchContext.RegexpCaptureGroups 0 }}',
  },
  compile(config, services, context) {
    if (context.strategy !== 'regexp') {
      throw new HandlerConfigError([], 'works with the matching strategy regexp only')
    }
    const template = (key: 'required_action' | 'required_resource' | 'subject', fallback: string) =>
      compileTemplate(config[key] || fallback, [key], services, context)
    const action = template('required_action', 'unset')
    const resource = template('required_resource', 'unset')
    const subject = config.subject ? template('subject', '') : (session: Session) => session.subject
    const url = allowedUrl(config.base_url, config.flavor || 'regex')
    const addressOf = config.respect_forwarded_for_header === true ? forwardedAddress : statedAddress
    return async session => {
      const rendered: string[] = []
      for (const render of [action, resource, subject]) {
        const text = render(session)
        if (typeof text !== 'string') return text
        rendered.push(quoteJsonString(text, true))
      }
      const contextJson = requestContext(addressOf(session.request), services.clock)
      const [actionJson, resourceJson, subjectJson] = rendered
      const response = await services.send({
        method: 'POST',
        url,
        headers: [['content-type', 'application/json']],
        body: `{"action":${actionJson},"context":${contextJson},"resource":${resourceJson},"subject":${subjectJson}}\n`,
        timeout: CALL_TIMEOUT_MS,
        deadline: () => session.request.deadline,
        // After a connection error only.
        retries: 1,
        target: 'keto',
        caller: { address: session.request.remoteAddress },
      })
      return response.kind === 'failed' ? failedCall(response) : readDecision(response, session)
    }
  },
})

const CALL_TIMEOUT_MS = millis(10_000)

function allowedUrl(base: string, flavor: string): string {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/engines/acp/ory/${encodeURIComponent(flavor)}/allowed`
  return url.href
}

function readDecision({ status, body }: HttpResponse, session: Session): Session | Denial {
  if (status === 403) return forbidden('forbidden')
  if (status !== 200) return internalError('bad_answer', `keto: expected 200 or 403, got ${status}`)
  const document = parseJson(body)
  const allowed = isRecord(document) ? (memberIgnoringCase(document, 'allowed') ?? false) : undefined
  if (typeof allowed !== 'boolean')
    return internalError('bad_answer', 'keto: the response has no boolean `allowed`')
  return allowed ? session : forbidden('forbidden')
}

const isPrivate = compileNetworks([
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
]) as (address: string) => boolean
const isAddress = compileNetworks(['0.0.0.0/0', '::/0']) as (address: string) => boolean

/** The address that Envoy, or a trusted gateway at `/decisions`, states. */
const statedAddress = ({ remoteAddress }: RequestView): string => remoteAddress

/**
 * Like Oathkeeper: the first public address of X-Forwarded-For, else X-Real-Ip. The peer address only if both
 * headers are empty.
 */
function forwardedAddress(request: RequestView): string {
  const forwardedFor = request.header('x-forwarded-for') ?? ''
  const realIp = request.header('x-real-ip') ?? ''
  return (
    forwardedFor
      .split(',')
      .map(text => text.trim())
      .find(text => isAddress(text) && !isPrivate(text)) ??
    (forwardedFor === '' && realIp === '' ? request.remoteAddress : realIp)
  )
}

function requestContext(address: string, clock: Clock): string {
  const requestedAt = new Date(clock.wall()).toISOString()
  return `{"remoteIpAddress":${quoteJsonString(address, true)},"requestedAt":"${requestedAt}"}`
}
