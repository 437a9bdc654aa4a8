/** test/scenarios/scenario — what a scenario file may say: rules, a world, checks. `npm run generate` prints the schema for editors. */
import { z } from 'zod'

const lines = z.union([z.string(), z.array(z.string())])
const headers = z.record(z.string(), lines)

const reply = z.strictObject({
  status: z.int().default(200).describe('status of the answer'),
  headers: headers.default({}).describe('headers of the answer; a list is several lines'),
  body: z.unknown().optional().describe('a map is sent as JSON, text as it is'),
  fails: z
    .enum(['connect', 'timeout', 'deadline', 'reset', 'too_large', 'malformed', 'closed', 'busy'])
    .optional()
    .describe('no answer at all: why'),
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
  .describe('headers for the upstream, all of them; an empty map: none')

const expectation = z
  .strictObject({
    allow: allow.optional(),
    remove: z.array(z.string()).optional().describe('headers that are taken from the request, all of them'),
    response: headers.optional().describe('headers for the client on an allow, all of them'),
    deny: z.int().optional().describe('status that the client sees'),
    headers: headers
      .optional()
      .describe('headers of the refusal that must be there; "" means that there is none'),
    body: z.unknown().optional().describe('text of the refusal, or a map that its JSON contains'),
    log: z.record(z.string(), z.unknown()).optional().describe('fields of the log line that must be so'),
  })
  .refine(one => (one.allow === undefined) !== (one.deny === undefined), 'either allow or deny')

const check = z.strictObject({
  case: z
    .string()
    .optional()
    .describe('what it shows, for the message when it fails: a security case, a Q number'),
  request: z.string().describe('method and URL: GET https://shop.example/orders'),
  headers: headers.default({}).describe('headers of the request; a list is several lines'),
  after: z
    .string()
    .optional()
    .describe('how long after the check before it, a duration: both clocks are moved'),
  expect: expectation,
  calls: z.int().optional().describe('calls to the outside for this check'),
})

export const scenarioSchema = z.strictObject({
  name: z.string().describe('a sentence that holds'),
  config: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('merged over the configuration that all scenarios share (test/scenarios/base.yaml)'),
  rules: z
    .array(z.union([z.string(), z.record(z.string(), z.unknown())]))
    .describe('rules as written, and paths of rule files, relative to this file'),
  world: z
    .record(z.string(), z.array(answer))
    .default({})
    .describe('method and URL → answers; the first that fits is given. Who is not listed is not there'),
  checks: z.array(check).min(1),
})

export type Scenario = z.output<typeof scenarioSchema>
export type Check = Scenario['checks'][number]

/** For `# yaml-language-server: $schema=./scenario.schema.json`. */
export const describeScenario = (): object => z.toJSONSchema(scenarioSchema, { io: 'input' })
