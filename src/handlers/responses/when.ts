/** handlers/parts/when — the condition under which an error handler answers (spec 7.2). Knows denials and requests, no handler. */
import { z } from 'zod'
import type { Denial, ReasonCode } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import { mediaTypeMatches, parseMediaTypes } from '../../http/media_type.ts'
import { compileCidrs } from '../../http/networks.ts'
import { ConfigFault } from '../handler.ts'

/** Oathkeeper's four names and those that it cannot say: other statuses, and what logging in differently can lift. */
const ERRORS = new Map<string, Denial['status'] | ReasonCode>([
  ['bad_request', 400],
  ['unauthorized', 401],
  ['forbidden', 403],
  ['not_found', 404],
  ['too_many_requests', 429],
  ['internal_server_error', 500],
  ['service_unavailable', 503],
  ['gateway_timeout', 504],
  ['second_factor_required', 'second_factor_required'],
  ['reauthentication_required', 'reauthentication_required'],
])

export const whenSchema = z
  .array(
    z.strictObject({
      error: z
        .array(z.enum([...ERRORS.keys()]))
        .optional()
        .describe(
          'statuses by name; any when absent. second_factor_required and reauthentication_required: a session that does not do for this rule',
        ),
      request: z
        .strictObject({
          cidr: z.array(z.string()).optional().describe('networks of the peer address'),
          remote_ip: z
            .strictObject({
              match: z.array(z.string()).optional(),
              respect_forwarded_for_header: z.boolean().optional(),
            })
            .optional()
            .describe('networks of the peer address; with the flag also of X-Forwarded-For'),
          header: z
            .strictObject({
              accept: z.array(z.string()).optional().describe('media types of the Accept header'),
              content_type: z.array(z.string()).optional().describe('media types of the Content-Type header'),
            })
            .optional(),
        })
        .optional(),
    }),
  )
  .optional()
  .describe('conditions, one of which must hold; none: always')

export type When = (denial: Denial, request: RequestView) => boolean
type Conditions = NonNullable<z.output<typeof whenSchema>>
type Condition = Conditions[number]

/** Throws `ConfigFault` or `z.ZodError` for a condition that cannot be used. */
export function compileWhen(when: unknown): When {
  const entries = whenSchema.parse(when) ?? []
  if (entries.length === 0) return () => true
  const compiled = entries.map(compileEntry)
  return (denial, request) => compiled.some(fits => fits(denial, request))
}

function compileEntry(entry: Condition, index: number): When {
  const parts: When[] = []
  if (entry.error?.length) {
    const wanted = new Set(entry.error.map(name => ERRORS.get(name)))
    parts.push(({ status, code }) => wanted.has(status) || wanted.has(code))
  }
  const { cidr, remote_ip: remote, header } = entry.request ?? {}
  if (cidr?.length) parts.push(inNetworks(cidr, ['when', index, 'request', 'cidr'], false))
  if (remote?.match?.length) {
    const path = ['when', index, 'request', 'remote_ip', 'match']
    parts.push(inNetworks(remote.match, path, remote.respect_forwarded_for_header === true))
  }
  if (header?.accept?.length) parts.push(hasMediaType('accept', header.accept))
  if (header?.content_type?.length) parts.push(hasMediaType('content-type', header.content_type))
  return (denial, request) => parts.every(fits => fits(denial, request))
}

/** The peer's address; any address of X-Forwarded-For counts only where the rule's author says so. */
function inNetworks(networks: readonly string[], path: (string | number)[], forwarded: boolean): When {
  const inside = compileCidrs(networks)
  if (inside === undefined) throw new ConfigFault(path, 'not a list of networks', 'write e.g. 10.0.0.0/8')
  return (_denial, request) => {
    if (inside(request.remoteAddress)) return true
    if (!forwarded) return false
    return request
      .headerValues('x-forwarded-for')
      .some(line => line.split(',').some(one => inside(one.trim())))
  }
}

/** A header that is absent or empty counts as `application/octet-stream`; `q=0` means "not this". */
function hasMediaType(name: 'accept' | 'content-type', patterns: readonly string[]): When {
  return (_denial, request) => {
    const text = request.headerValues(name).join(',')
    return parseMediaTypes(text === '' ? 'application/octet-stream' : text).some(
      type => type.quality > 0 && patterns.some(pattern => mediaTypeMatches(pattern, type)),
    )
  }
}
