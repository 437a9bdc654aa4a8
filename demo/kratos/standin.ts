/** demo/kratos/standin — a STAND-IN for Ory Kratos: its public and admin ports on loopback, for the demo and the tests. Never part of the service. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import { adminIdentities } from './admin_identities.ts'
import { adminSessions } from './admin_sessions.ts'
import { csrfOf } from './csrf.ts'
import { createDatabase, DatabaseSick } from './database.ts'
import { knobsOf, type Parts, type Route } from './dependencies.ts'
import { DATABASE, serverError } from './errors.ts'
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
import type { Settings } from './settings.ts'
import { settingsFlow } from './settings_flow.ts'
import { whoami } from './whoami.ts'

/** Also what /version says. */
export const NAME = 'stand-in (not Ory Kratos)'

export interface StandIn {
  readonly parts: Parts
  close(): Promise<void>
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** Listens on both ports of the settings. Refuses to be reachable from outside: it is no identity server. */
export async function startStandIn(settings: Settings): Promise<StandIn> {
  for (const { host } of [settings.public, settings.admin]) {
    if (!LOOPBACK.has(host))
      throw new Error(`The stand-in for Kratos listens on loopback only, not on "${host}".`)
  }
  const knobs = knobsOf(settings)
  const parts: Parts = {
    settings,
    knobs,
    database: createDatabase(),
    counters: new Map(),
    now: () => Date.now() + knobs.clockShift,
  }
  const servers = [serve(parts, publicPort), serve(parts, adminPort)]
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
  return { parts, close }
}

const health: Route = (exchange, parts) => {
  if (exchange.path === '/health/alive') return json(200, { status: 'ok' })
  if (exchange.path !== '/health/ready') return undefined
  // It pings the database and nothing more: one that answers pings and no queries looks well.
  if (parts.database.health !== 'ping_fails') return json(200, { status: 'ok' })
  return json(503, { errors: { database: 'the stand-in was told to have no database' } })
}

const frontPage: Route = exchange => {
  if (exchange.path !== '/') return undefined
  const text = `This is a ${NAME}: a few hundred lines that answer like Kratos for the demo and the tests of Credence.`
  return { status: 200, headers: [['content-type', 'text/plain; charset=utf-8']], body: `${text}\n` }
}

const PUBLIC: readonly Route[] = [
  whoami,
  loginStart,
  loginSubmit,
  settingsFlow,
  logout,
  mySessions,
  health,
  frontPage,
]

function publicPort(exchange: Exchange, parts: Parts): Reply {
  const reply = exchange.path.includes('//')
    ? redirect(exchange, exchange.path.replaceAll(/\/{2,}/g, '/'), [], 307)
    : (first(PUBLIC, exchange, parts) ?? pageNotFound)
  // Whoever asks for a page that is not there gets an anti-forgery cookie all the same.
  const stray = reply === pageNotFound || exchange.path.includes('//')
  const csrf = stray ? csrfOf(exchange, parts.settings.public.baseUrl).setCookie : []
  const vary = exchange.path.startsWith('/health') ? [] : ([['vary', 'Cookie']] as const)
  return { ...reply, headers: [...reply.headers, ...csrf, ...vary] }
}

const version: Route = exchange => (exchange.path === '/version' ? json(200, { version: NAME }) : undefined)

const ADMIN: readonly Route[] = [version, knobRoutes, adminIdentities, adminSessions, health]

/** The prefix /admin may be left out on this port; what is public is elsewhere. */
function adminPort(exchange: Exchange, parts: Parts): Reply {
  const path = exchange.path.replace(/^\/admin(?=\/)/, '')
  if (path === '/sessions/whoami') {
    return redirect(exchange, `${parts.settings.public.baseUrl}${exchange.target}`, [], 307)
  }
  return first(ADMIN, { ...exchange, path }, parts) ?? pageNotFound
}

function first(routes: readonly Route[], exchange: Exchange, parts: Parts): Reply | undefined {
  try {
    for (const route of routes) {
      const reply = route(exchange, parts)
      if (reply !== undefined) return reply
    }
    return undefined
  } catch (error) {
    if (error instanceof DatabaseSick) return errorReply(exchange, DATABASE)
    return errorReply(exchange, serverError(`the stand-in failed: ${error}`))
  }
}

function serve(parts: Parts, port: (exchange: Exchange, parts: Parts) => Reply): Server {
  return createServer((message, response) => {
    const chunks: Buffer[] = []
    message.on('data', chunk => chunks.push(chunk))
    message.on('end', () => {
      const exchange = exchangeOf(message, Buffer.concat(chunks).toString())
      const knob = exchange.path.startsWith('/__standin/')
      if (!knob) count(parts, exchange)
      const wait = port === publicPort ? parts.knobs.latency : 0
      if (port === publicPort && exchange.path === '/sessions/whoami' && parts.knobs.whoami === 'hang') return
      if (wait > 0) setTimeout(() => send(response, exchange, port(exchange, parts)), wait)
      else send(response, exchange, port(exchange, parts))
    })
  })
}

function count(parts: Parts, exchange: Exchange): void {
  const name = exchange.path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '{id}')
  parts.counters.set(name, (parts.counters.get(name) ?? 0) + 1)
}

function send(response: ServerResponse, exchange: Exchange, reply: Reply): void {
  response.statusCode = reply.status
  if (exchange.method === 'GET') {
    response.setHeader('cache-control', 'private, no-cache, no-store, must-revalidate')
  }
  for (const [name, value] of reply.headers) response.appendHeader(name, value)
  if (reply.status !== 204) response.setHeader('content-length', Buffer.byteLength(reply.body))
  response.end(reply.body)
}

function listen(server: Server, at: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, () => resolve())
  })
}
