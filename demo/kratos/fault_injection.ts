/** demo/kratos/knobs — /__standin/ on the admin port: makes the stand-in sick or slow, counts calls. No Kratos has this. */
import { z } from 'zod'
import { knobsOf, type Route } from './dependencies.ts'
import { badRequest } from './errors.ts'
import { errorReply, json } from './exchange.ts'

const wanted = z.strictObject({
  database: z.enum(['up', 'ping_fails', 'queries_fail']).optional(),
  latency: z.number().min(0).optional(),
  whoami: z.enum(['normal', 'error_500', 'error_503', 'html_200', 'hang']).optional(),
  clockShift: z.number().optional(),
  requiredAal: z.enum(['aal1', 'highest_available']).optional(),
  cacheableSessions: z.boolean().optional(),
})

export const knobRoutes: Route = (exchange, parts) => {
  const at = `${exchange.method} ${exchange.path}`
  if (at === 'GET /__standin/counters') return json(200, Object.fromEntries(parts.counters))
  if (at === 'GET /__standin/knobs') return json(200, parts.knobs)
  if (at === 'POST /__standin/reset') {
    Object.assign(parts.knobs, knobsOf(parts.settings))
    parts.counters.clear()
  } else if (at === 'POST /__standin/knobs') {
    const asked = wanted.safeParse(JSON.parse(exchange.body))
    if (!asked.success) return errorReply(exchange, badRequest(z.prettifyError(asked.error)))
    Object.assign(parts.knobs, asked.data)
  } else {
    return undefined
  }
  parts.database.health = parts.knobs.database
  return json(200, parts.knobs)
}
