/** Compiles `when`, the condition under which an error handler responds. */
import { z } from 'zod'
import type { Denial, ReasonCode } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import { mediaTypeMatches, parseMediaTypes } from '../../http/media_type.ts'
import { compileNetworks } from '../../http/networks.ts'
import { canonicalJson } from '../../lib/merge.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { publicString } from '../compile/public_config.ts'

/**
 * Oathkeeper's four names, and those of Credence: further statuses, and denials that another login can
 * resolve.
 */
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
          'Names of statuses. Default: any. second_factor_required and reauthentication_required match sessions that do not meet the requirements of the rule.',
        ),
      request: z
        .strictObject({
          cidr: z.array(publicString()).optional().describe('Networks that contain the peer address.'),
          remote_ip: z
            .strictObject({
              match: z.array(publicString()).optional().describe('Networks in CIDR notation.'),
              respect_forwarded_for_header: z
                .boolean()
                .optional()
                .describe('Whether to match the addresses of X-Forwarded-For as well. Default: false.'),
            })
            .optional()
            .describe('Address of the client.'),
          header: z
            .strictObject({
              accept: z.array(publicString()).optional().describe('Media types of the Accept header.'),
              content_type: z
                .array(publicString())
                .optional()
                .describe('Media types of the Content-Type header.'),
            })
            .optional()
            .describe('Headers of the request.'),
        })
        .optional()
        .describe('Conditions on the request, all of which must match. Default: none.'),
    }),
  )
  .optional()
  .describe('Conditions, one of which must match. Default: always.')

/** Whether an error handler responds to a denial of a request. */
export type WhenPredicate = (denial: Denial, request: RequestView) => boolean
type Conditions = NonNullable<z.output<typeof whenSchema>>
type Condition = Conditions[number]

/** Throws `HandlerConfigError` or `z.ZodError` for an invalid condition. */
export function compileWhen(when: unknown): WhenPredicate {
  const entries = whenSchema.parse(when) ?? []
  if (entries.length === 0) return () => true
  const compiled = entries.map(compileEntry)
  return (denial, request) => compiled.some(matches => matches(denial, request))
}

/** Canonical text of a condition, equal for equal ones. Empty for a condition that matches every error. */
export function conditionKey(when: unknown): string {
  if (!Array.isArray(when) || when.length === 0) return ''
  // One matching entry suffices, and an entry without members matches everything.
  return when.some(entry => canonicalJson(entry) === '{}') ? '' : canonicalJson(when)
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

/**
 * Matches the peer address. Addresses of X-Forwarded-For count only if the rule enables it, because clients
 * can set them.
 */
function matchesNetworks(
  networks: readonly string[],
  path: (string | number)[],
  respectForwardedFor: boolean,
): WhenPredicate {
  const isInside = compileNetworks(networks)
  if (isInside === undefined)
    throw new HandlerConfigError(path, 'must be a list of networks', 'for example 10.0.0.0/8')
  return (_denial, request) => {
    if (isInside(request.remoteAddress)) return true
    if (!respectForwardedFor) return false
    return request
      .headerValues('x-forwarded-for')
      .some(line => line.split(',').some(address => isInside(address.trim())))
  }
}

/** An absent or empty header counts as `application/octet-stream`. `q=0` excludes a type. */
function matchesMediaType(name: 'accept' | 'content-type', patterns: readonly string[]): WhenPredicate {
  return (_denial, request) => {
    const text = request.headerValues(name).join(',')
    return parseMediaTypes(text === '' ? 'application/octet-stream' : text).some(
      type => type.quality > 0 && patterns.some(pattern => mediaTypeMatches(pattern, type)),
    )
  }
}
