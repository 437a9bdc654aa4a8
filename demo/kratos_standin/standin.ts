/** A stand-in for Ory Kratos with its public and admin ports on loopback, for the demo and the tests only. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import { adminIdentities } from './admin_identities.ts'
import { adminSessions } from './admin_sessions.ts'
import { defaultKnobs, type Route, type StandInContext } from './context.ts'
import { csrfOf } from './csrf.ts'
import { createDatabase, DatabaseUnavailableError } from './database.ts'
import { DATABASE_ERROR, serverError } from './errors.ts'
import {
  type Exchange,
  errorReply,
  exchangeOf,
  json,
  pageNotFound,
  type Reply,
  redirect,
} from './exchange.ts'
import { knobRoutes } from './fault_injection.ts'
import { loginStart } from './login_start.ts'
import { loginSubmit } from './login_submit.ts'
import { logout, mySessions } from './logout.ts'
import type { StandInSettings } from './settings.ts'
import { settingsFlow } from './settings_flow.ts'
import { whoami } from './whoami.ts'

/** Also the version in the response of /version. */
export const STAND_IN_NAME = 'stand-in (not Ory Kratos)'

export interface StandIn {
  readonly context: StandInContext
  close(): Promise<void>
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** Listens on both configured ports. Throws unless both hosts are loopback, because it is not a secure identity server. */
export async function startStandIn(settings: StandInSettings): Promise<StandIn> {
  for (const { host } of [settings.public, settings.admin]) {
    if (!LOOPBACK.has(host))
      throw new Error(`The stand-in for Kratos listens on loopback only, not on "${host}".`)
  }
  const knobs = defaultKnobs(settings)
  const context: StandInContext = {
    settings,
    knobs,
    database: createDatabase(),
    counters: new Map(),
    now: () => Date.now() + knobs.clockShift,
  }
  const servers = [createPortServer(context, handlePublic), createPortServer(context, handleAdmin)]
  const close = async () => {
    for (const server of servers) {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
  try {
    await listen(servers[0] as Server, settings.public)
    await listen(servers[1] as Server, settings.admin)
  } catch (error) {
    await close()
    throw error
  }
  return { context, close }
}

const health: Route = (exchange, context) => {
  if (exchange.path === '/health/alive') return json(200, { status: 'ok' })
  if (exchange.path !== '/health/ready') return undefined
  // Kratos only pings the database, so readiness reports success even if every query fails.
  if (context.database.health !== 'ping_fails') return json(200, { status: 'ok' })
  return json(503, { errors: { database: 'the stand-in simulates a database failure' } })
}

const frontPage: Route = exchange => {
  if (exchange.path !== '/') return undefined
  const text = `This is a ${STAND_IN_NAME}: a few hundred lines that answer like Kratos for the demo and the tests of Credence.`
  return { status: 200, headers: [['content-type', 'text/plain; charset=utf-8']], body: `${text}\n` }
}

const PUBLIC_ROUTES: readonly Route[] = [
  whoami,
  loginStart,
  loginSubmit,
  settingsFlow,
  logout,
  mySessions,
  health,
  frontPage,
]

function handlePublic(exchange: Exchange, context: StandInContext): Reply {
  const reply = exchange.path.includes('//')
    ? redirect(exchange, exchange.path.replaceAll(/\/{2,}/g, '/'), [], 307)
    : (firstReply(PUBLIC_ROUTES, exchange, context) ?? pageNotFound)
  // Kratos sets a CSRF cookie even on a 404.
  const needsCsrfCookie = reply === pageNotFound || exchange.path.includes('//')
  const csrf = needsCsrfCookie ? csrfOf(exchange, context.settings.public.baseUrl).setCookie : []
  const vary = exchange.path.startsWith('/health') ? [] : ([['vary', 'Cookie']] as const)
  return { ...reply, headers: [...reply.headers, ...csrf, ...vary] }
}

const version: Route = exchange =>
  exchange.path === '/version' ? json(200, { version: STAND_IN_NAME }) : undefined

const ADMIN_ROUTES: readonly Route[] = [version, knobRoutes, adminIdentities, adminSessions, health]

/** On this port the prefix /admin is optional. */
function handleAdmin(exchange: Exchange, context: StandInContext): Reply {
  const path = exchange.path.replace(/^\/admin(?=\/)/, '')
  if (path === '/sessions/whoami') {
    return redirect(exchange, `${context.settings.public.baseUrl}${exchange.target}`, [], 307)
  }
  return firstReply(ADMIN_ROUTES, { ...exchange, path }, context) ?? pageNotFound
}

function firstReply(
  routes: readonly Route[],
  exchange: Exchange,
  context: StandInContext,
): Reply | undefined {
  try {
    for (const route of routes) {
      const reply = route(exchange, context)
      if (reply !== undefined) return reply
    }
    return undefined
  } catch (error) {
    if (error instanceof DatabaseUnavailableError) return errorReply(exchange, DATABASE_ERROR)
    return errorReply(exchange, serverError(`the stand-in failed: ${error}`))
  }
}

function createPortServer(
  context: StandInContext,
  handle: (exchange: Exchange, parts: StandInContext) => Reply,
): Server {
  return createServer((message, response) => {
    const chunks: Buffer[] = []
    message.on('data', chunk => chunks.push(chunk))
    message.on('end', () => {
      const exchange = exchangeOf(message, Buffer.concat(chunks).toString())
      const isKnobRequest = exchange.path.startsWith('/__standin/')
      if (!isKnobRequest) countRequest(context, exchange)
      const latencyMs = handle === handlePublic ? context.knobs.latency : 0
      if (handle === handlePublic && exchange.path === '/sessions/whoami' && context.knobs.whoami === 'hang')
        return
      if (latencyMs > 0)
        setTimeout(() => writeReply(response, exchange, handle(exchange, context)), latencyMs)
      else writeReply(response, exchange, handle(exchange, context))
    })
  })
}

function countRequest(context: StandInContext, exchange: Exchange): void {
  const name = exchange.path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '{id}')
  context.counters.set(name, (context.counters.get(name) ?? 0) + 1)
}

function writeReply(response: ServerResponse, exchange: Exchange, reply: Reply): void {
  response.statusCode = reply.status
  if (exchange.method === 'GET') {
    response.setHeader('cache-control', 'private, no-cache, no-store, must-revalidate')
  }
  for (const [name, value] of reply.headers) response.appendHeader(name, value)
  if (reply.status !== 204) response.setHeader('content-length', Buffer.byteLength(reply.body))
  response.end(reply.body)
}

function listen(server: Server, address: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, () => resolve())
  })
}
