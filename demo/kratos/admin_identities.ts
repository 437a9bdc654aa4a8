/** demo/kratos/admin_identities — the admin API for identities. Trusts its caller, as Kratos' does. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { hashPassword, type Identity, identityByIdentifier } from './database.ts'
import type { Parts, Route } from './dependencies.ts'
import { adminIdentityDocument, sessionDocument } from './documents.ts'
import { badRequest, CONFLICT, NOT_FOUND } from './errors.ts'
import { type Exchange, errorReply, json, noContent, type Reply } from './exchange.ts'

/** Unknown keys are refused. */
const creation = z.strictObject({
  schema_id: z.string(),
  traits: z.looseObject({ email: z.string() }),
  state: z.enum(['active', 'inactive']).default('active'),
  external_id: z.string().optional(),
  metadata_public: z.unknown().optional(),
  metadata_admin: z.unknown().optional(),
  credentials: z
    .strictObject({
      password: z.strictObject({ config: z.strictObject({ password: z.string().min(1) }) }).optional(),
      lookup_secret: z
        .strictObject({ config: z.strictObject({ codes: z.array(z.strictObject({ code: z.string() })) }) })
        .optional(),
    })
    .prefault({}),
})

const patch = z.array(
  z.strictObject({ op: z.enum(['replace', 'add']), path: z.string(), value: z.unknown() }),
)

export const adminIdentities: Route = (exchange, parts) => {
  const [, id, below] = /^\/identities(?:\/([^/]+))?(\/sessions)?$/.exec(exchange.path) ?? []
  if (!/^\/identities(\/|$)/.test(exchange.path)) return undefined
  const tables = parts.database.tables()
  const { baseUrl } = parts.settings.public
  if (id === undefined) {
    if (exchange.method === 'POST') return create(exchange, parts)
    if (exchange.method !== 'GET') return undefined
    const wanted = exchange.query.get('credentials_identifier')
    const all = [...tables.identities.values()].filter(one => wanted === null || one.traits.email === wanted)
    return json(
      200,
      all.map(one => adminIdentityDocument(one, baseUrl)),
    )
  }
  const identity = tables.identities.get(id)
  if (identity === undefined) return errorReply(exchange, NOT_FOUND)
  if (below !== undefined) return sessionsOf(exchange, parts, identity)
  if (exchange.method === 'GET') return json(200, adminIdentityDocument(identity, baseUrl))
  if (exchange.method === 'PATCH') return change(exchange, parts, identity)
  if (exchange.method !== 'DELETE') return undefined
  tables.identities.delete(id)
  for (const one of [...tables.sessions.values()])
    if (one.identity === identity) tables.sessions.delete(one.id)
  return noContent()
}

function create(exchange: Exchange, parts: Parts): Reply {
  const wanted = creation.safeParse(parsed(exchange.body))
  if (!wanted.success) return errorReply(exchange, badRequest(z.prettifyError(wanted.error)))
  const { data } = wanted
  const tables = parts.database.tables()
  if (identityByIdentifier(tables, data.traits.email) !== undefined) return errorReply(exchange, CONFLICT)
  const now = parts.now()
  const password = data.credentials.password?.config.password
  const identity: Identity = {
    id: randomUUID(),
    externalId: data.external_id,
    schemaId: data.schema_id,
    state: data.state,
    stateChangedAt: now,
    traits: data.traits,
    metadataPublic: data.metadata_public,
    metadataAdmin: data.metadata_admin,
    createdAt: now,
    updatedAt: now,
    password: password === undefined ? undefined : hashPassword(password),
    lookupCodes: new Set(data.credentials.lookup_secret?.config.codes.map(one => one.code)),
    addressIds: [randomUUID(), randomUUID()],
  }
  tables.identities.set(identity.id, identity)
  const document = adminIdentityDocument(identity, parts.settings.public.baseUrl)
  return json(201, document, [['location', `${parts.settings.admin.baseUrl}/identities/${identity.id}`]])
}

/** JSON Patch, as far as tests need it: state, traits, metadata. Sessions stay untouched; an inactive identity has no living ones. */
function change(exchange: Exchange, parts: Parts, identity: Identity): Reply {
  const wanted = patch.safeParse(parsed(exchange.body))
  if (!wanted.success) return errorReply(exchange, badRequest(z.prettifyError(wanted.error)))
  for (const { path, value } of wanted.data) {
    if (path === '/state' && (value === 'active' || value === 'inactive')) {
      identity.state = value
      identity.stateChangedAt = parts.now()
    } else if (path === '/metadata_public') identity.metadataPublic = value
    else if (path === '/metadata_admin') identity.metadataAdmin = value
    else if (path.startsWith('/traits/')) {
      identity.traits = { ...identity.traits, [path.slice('/traits/'.length)]: value }
    } else return errorReply(exchange, badRequest(`The stand-in cannot patch ${path}.`))
  }
  identity.updatedAt = parts.now()
  return json(200, adminIdentityDocument(identity, parts.settings.public.baseUrl))
}

function sessionsOf(exchange: Exchange, parts: Parts, identity: Identity): Reply | undefined {
  const tables = parts.database.tables()
  const own = [...tables.sessions.values()].filter(one => one.identity === identity)
  if (exchange.method === 'GET') {
    const list = own.map(one => sessionDocument(one, parts.settings.public.baseUrl, parts.now()))
    return json(200, list, [['x-total-count', String(list.length)]])
  }
  if (exchange.method !== 'DELETE') return undefined
  if (own.length === 0) return errorReply(exchange, NOT_FOUND)
  for (const one of own) tables.sessions.delete(one.id)
  return noContent()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
