/** The tables of the stand-in in memory, with two kinds of database failure. */
import { randomBytes, randomUUID, scryptSync, timingSafeEqual } from 'node:crypto'

export interface Identity {
  readonly id: string
  readonly externalId: string | undefined
  readonly schemaId: string
  state: 'active' | 'inactive'
  stateChangedAt: number
  traits: Readonly<Record<string, unknown>>
  metadataPublic: unknown
  metadataAdmin: unknown
  readonly createdAt: number
  updatedAt: number
  readonly password: { readonly salt: Buffer; readonly hash: Buffer } | undefined
  /** Unused backup codes, which are the second factor. */
  readonly lookupCodes: Set<string>
  readonly addressIds: readonly [string, string]
}

export interface Session {
  readonly id: string
  readonly token: string
  readonly logoutToken: string
  readonly identity: Identity
  active: boolean
  expiresAt: number
  authenticatedAt: number
  issuedAt: number
  methods: readonly { readonly method: string; readonly aal: 'aal1' | 'aal2'; readonly completedAt: number }[]
  readonly devices: readonly {
    readonly id: string
    readonly remote: string
    readonly userAgent: string | null
  }[]
}

export interface LoginFlow {
  readonly id: string
  readonly type: 'browser' | 'api'
  readonly requestUrl: string
  readonly returnTo: string | undefined
  readonly issuedAt: number
  readonly expiresAt: number
  readonly aal: 'aal1' | 'aal2'
  readonly refresh: boolean
  /** False for an `aal2` flow of a user without a second factor: its form has no field to submit. */
  readonly completable: boolean
  /** CSRF token of the browser; `undefined` in API flows. */
  readonly csrf: Buffer | undefined
  identifier: string
  failed: boolean
}

export interface SettingsFlow {
  readonly id: string
  readonly session: Session
  readonly requestUrl: string
  readonly issuedAt: number
  readonly csrf: Buffer | undefined
  /** New backup codes that the user has not confirmed. */
  codes: readonly string[]
  saved: boolean
}

/** `ping_fails`: readiness reports it. `queries_fail`: readiness reports success although every query fails, as with a locked database. */
export type DatabaseHealth = 'up' | 'ping_fails' | 'queries_fail'

/** Every access throws it while the database fails. */
export class DatabaseUnavailableError extends Error {}

export interface Database {
  health: DatabaseHealth
  /** Throws DatabaseUnavailableError unless `health` is `up`. */
  tables(): Tables
}

export interface Tables {
  readonly identities: Map<string, Identity>
  readonly sessions: Map<string, Session>
  readonly loginFlows: Map<string, LoginFlow>
  readonly settingsFlows: Map<string, SettingsFlow>
  readonly errors: Map<string, unknown>
}

export function createDatabase(): Database {
  const tables: Tables = {
    identities: new Map(),
    sessions: new Map(),
    loginFlows: new Map(),
    settingsFlows: new Map(),
    errors: new Map(),
  }
  const database: Database = {
    health: 'up',
    tables() {
      if (database.health !== 'up') throw new DatabaseUnavailableError('the database is off')
      return tables
    },
  }
  return database
}

/** The prefix and 32 letters and digits. Prefixes are `ory_st_` (session) and `ory_lo_` (logout). */
function oryToken(prefix: string): string {
  const text = randomBytes(64)
    .toString('base64')
    .replace(/[^A-Za-z0-9]/g, '')
  return text.length < 32 ? oryToken(prefix) : prefix + text.slice(0, 32)
}

/** Cheap parameters, because the passwords of a demo protect nothing. */
export function hashPassword(password: string): NonNullable<Identity['password']> {
  const salt = randomBytes(16)
  return { salt, hash: scryptSync(password, salt, 32, { N: 256 }) }
}

export function passwordMatches(identity: Identity | undefined, password: unknown): identity is Identity {
  if (identity?.password === undefined || typeof password !== 'string') return false
  return timingSafeEqual(scryptSync(password, identity.password.salt, 32, { N: 256 }), identity.password.hash)
}

/** The identifier is the e-mail address, compared without regard to case. */
export function identityByIdentifier(tables: Tables, identifier: unknown): Identity | undefined {
  if (typeof identifier !== 'string' || identifier === '') return undefined
  const wanted = identifier.trim().toLowerCase()
  return [...tables.identities.values()].find(one => String(one.traits.email).toLowerCase() === wanted)
}

/** As in Kratos, `active` depends on the session's flag, its expiry and the state of the identity. */
export const isActive = (session: Session, now: number): boolean =>
  session.active && session.expiresAt > now && session.identity.state === 'active'

export const aalOf = (session: Session): 'aal1' | 'aal2' =>
  session.methods.some(one => one.aal === 'aal2') ? 'aal2' : 'aal1'

export function newSession(
  identity: Identity,
  now: number,
  lifespan: number,
  device: { readonly remote: string; readonly userAgent: string | null },
): Session {
  return {
    id: randomUUID(),
    token: oryToken('ory_st_'),
    logoutToken: oryToken('ory_lo_'),
    identity,
    active: true,
    expiresAt: now + lifespan,
    authenticatedAt: now,
    issuedAt: now,
    methods: [{ method: 'password', aal: 'aal1', completedAt: now }],
    devices: [{ id: randomUUID(), ...device }],
  }
}
