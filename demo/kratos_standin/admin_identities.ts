/** The admin API for identities. Like Kratos' it has no authentication. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Route, StandInContext } from './context.ts'
import { hashPassword, type Identity, identityByIdentifier } from './database.ts'
import { adminIdentityDocument, sessionDocument } from './documents.ts'
import { badRequest, CONFLICT, NOT_FOUND } from './errors.ts'
import { type Exchange, errorReply, json, noContent, type Reply } from './exchange.ts'

/** Rejects unknown keys, so that a test that relies on one fails here and not with a real Kratos only. */
const createIdentitySchema = z.strictObject({
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

const jsonPatchSchema = z.array(
  z.strictObject({ op: z.enum(['replace', 'add']), path: z.string(), value: z.unknown() }),
)

export const adminIdentities: Route = (exchange, context) => {
  const [, id, subresource] = /^\/identities(?:\/([^/]+))?(\/sessions)?$/.exec(exchange.path) ?? []
  if (!/^\/identities(\/|$)/.test(exchange.path)) return undefined
  const tables = context.database.tables()
  const { baseUrl } = context.settings.public
  if (id === undefined) {
    if (exchange.method === 'POST') return createIdentity(exchange, context)
    if (exchange.method !== 'GET') return undefined
    const identifier = exchange.query.get('credentials_identifier')
    const all = [...tables.identities.values()].filter(
      one => identifier === null || one.traits.email === identifier,
    )
    return json(
      200,
      all.map(one => adminIdentityDocument(one, baseUrl)),
    )
  }
  const identity = tables.identities.get(id)
  if (identity === undefined) return errorReply(exchange, NOT_FOUND)
  if (subresource !== undefined) return identitySessions(exchange, context, identity)
  if (exchange.method === 'GET') return json(200, adminIdentityDocument(identity, baseUrl))
  if (exchange.method === 'PATCH') return patchIdentity(exchange, context, identity)
  if (exchange.method !== 'DELETE') return undefined
  tables.identities.delete(id)
  for (const one of [...tables.sessions.values()])
    if (one.identity === identity) tables.sessions.delete(one.id)
  return noContent()
}

function createIdentity(exchange: Exchange, context: StandInContext): Reply {
  const parsed = createIdentitySchema.safeParse(parseJson(exchange.body))
  if (!parsed.success) return errorReply(exchange, badRequest(z.prettifyError(parsed.error)))
  const { data } = parsed
  const tables = context.database.tables()
  if (identityByIdentifier(tables, data.traits.email) !== undefined) return errorReply(exchange, CONFLICT)
  const now = context.now()
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
  const document = adminIdentityDocument(identity, context.settings.public.baseUrl)
  return json(201, document, [['location', `${context.settings.admin.baseUrl}/identities/${identity.id}`]])
}

/** The part of JSON Patch that tests need: state, traits and metadata. Sessions are unchanged, but those of an inactive identity count as inactive. */
function patchIdentity(exchange: Exchange, context: StandInContext, identity: Identity): Reply {
  const parsed = jsonPatchSchema.safeParse(parseJson(exchange.body))
  if (!parsed.success) return errorReply(exchange, badRequest(z.prettifyError(parsed.error)))
  for (const { path, value } of parsed.data) {
    if (path === '/state' && (value === 'active' || value === 'inactive')) {
      identity.state = value
      identity.stateChangedAt = context.now()
    } else if (path === '/metadata_public') identity.metadataPublic = value
    else if (path === '/metadata_admin') identity.metadataAdmin = value
    else if (path.startsWith('/traits/')) {
      identity.traits = { ...identity.traits, [path.slice('/traits/'.length)]: value }
    } else return errorReply(exchange, badRequest(`The stand-in cannot patch ${path}.`))
  }
  identity.updatedAt = context.now()
  return json(200, adminIdentityDocument(identity, context.settings.public.baseUrl))
}

function identitySessions(
  exchange: Exchange,
  context: StandInContext,
  identity: Identity,
): Reply | undefined {
  const tables = context.database.tables()
  const sessions = [...tables.sessions.values()].filter(one => one.identity === identity)
  if (exchange.method === 'GET') {
    const list = sessions.map(one => sessionDocument(one, context.settings.public.baseUrl, context.now()))
    return json(200, list, [['x-total-count', String(list.length)]])
  }
  if (exchange.method !== 'DELETE') return undefined
  if (sessions.length === 0) return errorReply(exchange, NOT_FOUND)
  for (const one of sessions) tables.sessions.delete(one.id)
  return noContent()
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
