/** handlers/parts/when — the condition under which an error handler answers (spec 7.2). Knows denials and requests, no handler. */
import { z } from 'zod'
import type { Denial, ReasonCode } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import { mediaTypeMatches, parseMediaTypes } from '../../http/media_type.ts'
import { compileNetworks } from '../../http/networks.ts'
import { HandlerConfigError } from '../handler.ts'

/** Oathkeeper's four names and those that it cannot say: other statuses, and what logging in differently can lift. */
const ERROR_NAMES = new Map<string, Denial['status'] | ReasonCode>([
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
        .array(z.enum([...ERROR_NAMES.keys()]))
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

export type WhenPredicate = (denial: Denial, request: RequestView) => boolean
type Conditions = NonNullable<z.output<typeof whenSchema>>
type Condition = Conditions[number]

/** Throws `ConfigFault` or `z.ZodError` for a condition that cannot be used. */
export function compileWhen(when: unknown): WhenPredicate {
  const entries = whenSchema.parse(when) ?? []
  if (entries.length === 0) return () => true
  const compiled = entries.map(compileEntry)
  return (denial, request) => compiled.some(matches => matches(denial, request))
}

function compileEntry(entry: Condition, index: number): WhenPredicate {
  const predicates: WhenPredicate[] = []
  if (entry.error?.length) {
    const expected = new Set(entry.error.map(name => ERROR_NAMES.get(name)))
    predicates.push(({ status, code }) => expected.has(status) || expected.has(code))
  }
  const { cidr, remote_ip: remote, header } = entry.request ?? {}
  if (cidr?.length) predicates.push(matchesNetworks(cidr, ['when', index, 'request', 'cidr'], false))
  if (remote?.match?.length) {
    const path = ['when', index, 'request', 'remote_ip', 'match']
    predicates.push(matchesNetworks(remote.match, path, remote.respect_forwarded_for_header === true))
  }
  if (header?.accept?.length) predicates.push(matchesMediaType('accept', header.accept))
  if (header?.content_type?.length) predicates.push(matchesMediaType('content-type', header.content_type))
  return (denial, request) => predicates.every(matches => matches(denial, request))
}

/** The peer's address; any address of X-Forwarded-For counts only where the rule's author says so. */
function matchesNetworks(
  networks: readonly string[],
  path: (string | number)[],
  respectForwardedFor: boolean,
): WhenPredicate {
  const isInside = compileNetworks(networks)
  if (isInside === undefined)
    throw new HandlerConfigError(path, 'not a list of networks', 'write e.g. 10.0.0.0/8')
  return (_denial, request) => {
    if (isInside(request.remoteAddress)) return true
    if (!respectForwardedFor) return false
    return request
      .headerValues('x-forwarded-for')
      .some(line => line.split(',').some(one => isInside(one.trim())))
  }
}

/** A header that is absent or empty counts as `application/octet-stream`; `q=0` means "not this". */
function matchesMediaType(name: 'accept' | 'content-type', patterns: readonly string[]): WhenPredicate {
  return (_denial, request) => {
    const text = request.headerValues(name).join(',')
    return parseMediaTypes(text === '' ? 'application/octet-stream' : text).some(
      type => type.quality > 0 && patterns.some(pattern => mediaTypeMatches(pattern, type)),
    )
  }
}
