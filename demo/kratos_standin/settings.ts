/** Reads the keys of kratos.yml that the stand-in supports. */
import { load } from 'js-yaml'
import { z } from 'zod'

const listenerSchema = z.object({
  host: z.string().default('127.0.0.1'),
  port: z.int(),
  base_url: z.string(),
})

const kratosYmlSchema = z.object({
  serve: z.object({ public: listenerSchema, admin: listenerSchema }),
  selfservice: z.object({
    default_browser_return_url: z.string(),
    allowed_return_urls: z.array(z.string()).default([]),
    flows: z.object({
      login: z.object({ ui_url: z.string() }),
      error: z.object({ ui_url: z.string() }),
      settings: z.object({ ui_url: z.string() }),
    }),
  }),
  session: z.object({
    lifespan: z.string().default('24h'),
    cookie: z.object({ name: z.string().default('ory_kratos_session') }).prefault({}),
    whoami: z.object({ required_aal: z.enum(['aal1', 'highest_available']).default('highest_available') }),
  }),
  feature_flags: z.object({ cacheable_sessions: z.boolean().default(false) }).prefault({}),
  secrets: z.object({ cookie: z.array(z.string()).min(1) }),
})

export type RequiredAal = 'aal1' | 'highest_available'

export interface StandInSettings {
  readonly public: { readonly host: string; readonly port: number; readonly baseUrl: string }
  readonly admin: { readonly host: string; readonly port: number; readonly baseUrl: string }
  readonly defaultReturnUrl: string
  readonly allowedReturnUrls: readonly string[]
  readonly loginUiUrl: string
  readonly errorUiUrl: string
  readonly settingsUiUrl: string
  /** Milliseconds. */
  readonly lifespanMs: number
  readonly cookieName: string
  readonly requiredAal: RequiredAal
  readonly cacheableSessions: boolean
  readonly secret: string
}

const MS_BY_UNIT: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** Ignores other keys of Kratos. Throws when a required key is missing or invalid. */
export function parseStandInSettings(yaml: string): StandInSettings {
  const { serve, selfservice, session, feature_flags, secrets } = kratosYmlSchema.parse(load(yaml))
  const [, count, unit] = /^(\d+)([smh])$/.exec(session.lifespan) ?? []
  const lifespanMs = Number(count) * (MS_BY_UNIT[unit ?? ''] ?? Number.NaN)
  if (!(lifespanMs > 0)) throw new Error(`session.lifespan: "${session.lifespan}" is not like 30s, 10m or 1h`)
  const listenerOf = (one: z.infer<typeof listenerSchema>) => ({
    host: one.host,
    port: one.port,
    baseUrl: one.base_url.replace(/\/$/, ''),
  })
  return {
    public: listenerOf(serve.public),
    admin: listenerOf(serve.admin),
    defaultReturnUrl: selfservice.default_browser_return_url,
    allowedReturnUrls: selfservice.allowed_return_urls,
    loginUiUrl: selfservice.flows.login.ui_url,
    errorUiUrl: selfservice.flows.error.ui_url,
    settingsUiUrl: selfservice.flows.settings.ui_url,
    lifespanMs,
    cookieName: session.cookie.name,
    requiredAal: session.whoami.required_aal,
    cacheableSessions: feature_flags.cacheable_sessions,
    secret: secrets.cookie[0] as string,
  }
}
