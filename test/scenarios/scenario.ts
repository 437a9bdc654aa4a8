/** The format of a scenario file: configuration, rules, responses of other services, and checks. */
import { z } from 'zod'

const lines = z.union([z.string(), z.array(z.string())])
const headers = z.record(z.string(), lines)

const reply = z.strictObject({
  status: z.int().default(200).describe('status of the response'),
  headers: headers.default({}).describe('headers of the response; a list is several lines'),
  body: z.unknown().optional().describe('a map is sent as JSON, text as it is'),
  fails: z
    .enum(['connect', 'timeout', 'deadline', 'reset', 'too_large', 'malformed', 'closed', 'busy'])
    .optional()
    .describe('no response: the cause of the failure'),
})

const answer = z.strictObject({
  with: headers
    .optional()
    .describe('only when the call has these headers, and of those listed exactly these values'),
  without: z.array(z.string()).default([]).describe('only when the call has none of these headers'),
  reply,
})

const allow = z
  .record(z.string(), z.string())
  .describe('all headers that are set for the upstream; an empty map means none')

const expectation = z
  .strictObject({
    allow: allow.optional(),
    remove: z.array(z.string()).optional().describe('all headers that are removed from the request'),
    response: headers.optional().describe('all headers that are added to the response of an allowed request'),
    deny: z.int().optional().describe('status that the client sees'),
    headers: headers.optional().describe('headers of the denial; "" means that the header is absent'),
    body: z.unknown().optional().describe('text of the denial, or a map that its JSON contains'),
    log: z.record(z.string(), z.unknown()).optional().describe('fields of the log line'),
  })
  .refine(one => (one.allow === undefined) !== (one.deny === undefined), 'either allow or deny')

const check = z.strictObject({
  case: z
    .string()
    .optional()
    .describe('what it shows, for the message if it fails: a security case or a Q-number'),
  request: z.string().describe('method and URL: GET https://shop.example/orders'),
  headers: headers.default({}).describe('headers of the request; a list is several lines'),
  after: z.string().optional().describe('duration since the previous check; both clocks advance by it'),
  expect: expectation,
  calls: z.int().optional().describe('number of calls to other services for this check'),
})

export const scenarioSchema = z.strictObject({
  name: z.string().describe('the behaviour that the scenario shows, as a sentence'),
  config: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('merged over the configuration of all scenarios (test/scenarios/base.yaml)'),
  rules: z
    .array(z.union([z.string(), z.record(z.string(), z.unknown())]))
    .describe('rules as written, and paths of rule files, relative to this file'),
  services: z
    .record(z.string(), z.array(answer))
    .default({})
    .describe(
      'method and URL → responses, of which the first that matches is sent. A service that is not listed is unreachable',
    ),
  checks: z.array(check).min(1),
})

export type Scenario = z.output<typeof scenarioSchema>
export type Check = Scenario['checks'][number]

/** The JSON Schema for editors; scenario files refer to it in their first line. */
export const describeScenario = (): object => z.toJSONSchema(scenarioSchema, { io: 'input' })
