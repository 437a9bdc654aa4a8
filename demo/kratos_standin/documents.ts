/** Renders sessions, identities and flows as the JSON documents of Kratos. */
import { maskToken } from './csrf.ts'
import { aalOf, type Identity, isActive, type LoginFlow, type Session } from './database.ts'

/** RFC 3339 as Go formats it: without trailing zeros in the fraction. */
export const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z')

/** `schema_url` is empty in lists, as in Kratos. */
export function identityDocument(identity: Identity, baseUrl: string) {
  const created = { created_at: timestamp(identity.createdAt), updated_at: timestamp(identity.createdAt) }
  const email = identity.traits.email
  const [verifiable, recovery] = identity.addressIds
  return {
    id: identity.id,
    ...(identity.externalId === undefined ? {} : { external_id: identity.externalId }),
    schema_id: identity.schemaId,
    schema_url: `${baseUrl}/schemas/${Buffer.from(identity.schemaId).toString('base64url')}`,
    state: identity.state,
    state_changed_at: timestamp(identity.stateChangedAt),
    traits: identity.traits,
    verifiable_addresses: [
      { id: verifiable, value: email, verified: false, via: 'email', status: 'pending', ...created },
    ],
    recovery_addresses: [{ id: recovery, value: email, via: 'email', ...created }],
    metadata_public: identity.metadataPublic ?? null,
    created_at: timestamp(identity.createdAt),
    updated_at: timestamp(identity.updatedAt),
    organization_id: null,
  }
}

/** The document of the admin API: with admin metadata and the types of the credentials, without their secrets. */
export function adminIdentityDocument(identity: Identity, baseUrl: string) {
  const { id, external_id, ...rest } = identityDocument(identity, baseUrl)
  const { metadata_public, created_at, updated_at, organization_id, ...head } = rest
  const credential = {
    type: 'password',
    identifiers: [identity.traits.email],
    version: 0,
    created_at: timestamp(identity.createdAt),
    updated_at: timestamp(identity.createdAt),
  }
  return {
    id,
    ...(external_id === undefined ? {} : { external_id }),
    ...(identity.password === undefined ? {} : { credentials: { password: credential } }),
    ...head,
    metadata_public,
    metadata_admin: identity.metadataAdmin ?? null,
    created_at,
    updated_at,
    organization_id,
  }
}

export function sessionDocument(session: Session, baseUrl: string, now: number) {
  return {
    id: session.id,
    active: isActive(session, now),
    expires_at: timestamp(session.expiresAt),
    authenticated_at: timestamp(session.authenticatedAt),
    authenticator_assurance_level: aalOf(session),
    authentication_methods: session.methods.map(one => ({
      method: one.method,
      aal: one.aal,
      completed_at: timestamp(one.completedAt),
    })),
    issued_at: timestamp(session.issuedAt),
    identity: identityDocument(session.identity, baseUrl),
    devices: session.devices.map(one => ({
      id: one.id,
      ip_address: one.remote,
      user_agent: one.userAgent,
      location: '',
    })),
  }
}

export const labelMeta = (id: number, text: string) => ({ label: { id, text, type: 'info' } })
export const inputNode = (group: string, attributes: object, meta: object = {}) => ({
  type: 'input',
  group,
  attributes: { ...attributes, disabled: false, node_type: 'input' },
  messages: [],
  meta,
})

const submitButton = (method: string, text: ReturnType<typeof labelMeta>) =>
  inputNode(method, { name: 'method', type: 'submit', value: method }, text)

function loginNodes(flow: LoginFlow) {
  const csrf = flow.csrf === undefined ? '' : maskToken(flow.csrf)
  const hidden = inputNode('default', { name: 'csrf_token', type: 'hidden', value: csrf, required: true })
  if (!flow.completable) return [hidden]
  if (flow.aal === 'aal2') {
    const code = { name: 'lookup_secret', type: 'text', value: '', required: true }
    return [
      hidden,
      inputNode('lookup_secret', code, labelMeta(1010007, 'Backup recovery code')),
      submitButton('lookup_secret', labelMeta(1010010, 'Use backup recovery code')),
    ]
  }
  const identifier = { name: 'identifier', type: 'text', value: flow.identifier, required: true }
  const password = { name: 'password', type: 'password', required: true, autocomplete: 'current-password' }
  return [
    hidden,
    inputNode('default', identifier, labelMeta(1070004, 'ID')),
    inputNode('password', password, labelMeta(1070001, 'Password')),
    submitButton('password', labelMeta(1010022, 'Sign in with password')),
  ]
}

const WRONG_CREDENTIALS = {
  id: 4000006,
  text: 'The provided credentials are invalid, check for spelling mistakes in your password or username, email address, or phone number.',
  type: 'error',
}
const SECOND_FACTOR = {
  id: 1010004,
  text: 'Please complete the second authentication challenge.',
  type: 'info',
}

export function loginFlowDocument(flow: LoginFlow, baseUrl: string) {
  const messages = flow.failed ? [WRONG_CREDENTIALS] : flow.aal === 'aal2' ? [SECOND_FACTOR] : []
  const created = timestamp(flow.issuedAt)
  return {
    id: flow.id,
    organization_id: null,
    type: flow.type,
    expires_at: timestamp(flow.expiresAt),
    issued_at: created,
    request_url: flow.requestUrl,
    ...(flow.returnTo === undefined ? {} : { return_to: flow.returnTo }),
    ui: {
      action: `${baseUrl}/self-service/login?flow=${flow.id}`,
      method: 'POST',
      nodes: loginNodes(flow),
      ...(messages.length === 0 ? {} : { messages }),
    },
    created_at: created,
    updated_at: created,
    refresh: flow.refresh,
    requested_aal: flow.aal,
    state: 'choose_method',
  }
}
