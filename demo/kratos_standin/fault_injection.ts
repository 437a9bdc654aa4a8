/** Fault injection and call counters under /__standin/ on the admin port, which a real Kratos does not have. */
import { z } from 'zod'
import { defaultKnobs, type Route } from './context.ts'
import { badRequest } from './errors.ts'
import { errorReply, json } from './exchange.ts'

const knobsSchema = z.strictObject({
  database: z.enum(['up', 'ping_fails', 'queries_fail']).optional(),
  latency: z.number().min(0).optional(),
  whoami: z.enum(['normal', 'error_500', 'error_503', 'html_200', 'hang']).optional(),
  clockShift: z.number().optional(),
  requiredAal: z.enum(['aal1', 'highest_available']).optional(),
  cacheableSessions: z.boolean().optional(),
})

export const knobRoutes: Route = (exchange, context) => {
  const endpoint = `${exchange.method} ${exchange.path}`
  if (endpoint === 'GET /__standin/counters') return json(200, Object.fromEntries(context.counters))
  if (endpoint === 'GET /__standin/knobs') return json(200, context.knobs)
  if (endpoint === 'POST /__standin/reset') {
    Object.assign(context.knobs, defaultKnobs(context.settings))
    context.counters.clear()
  } else if (endpoint === 'POST /__standin/knobs') {
    const parsed = knobsSchema.safeParse(JSON.parse(exchange.body))
    if (!parsed.success) return errorReply(exchange, badRequest(z.prettifyError(parsed.error)))
    Object.assign(context.knobs, parsed.data)
  } else {
    return undefined
  }
  context.database.health = context.knobs.database
  return json(200, context.knobs)
}
