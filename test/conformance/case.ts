/** The format of a recorded case, and the reader of the case files. */
import { readdirSync, readFileSync } from 'node:fs'

export type HeaderPair = readonly [name: string, value: string]

export interface CaseRequest {
  readonly method: string
  readonly url: string
  readonly headers?: readonly HeaderPair[]
  readonly body?: string
  /** `address:port` of the peer. */
  readonly source?: string
  /** A bearer token to sign with a key of the case. */
  readonly mint?: { readonly key: string; readonly kid: string; readonly claims: object }
}

export interface ExpectedCall {
  readonly stub: string
  readonly method: string
  readonly path: string
  readonly query?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
}

export interface Expectation {
  readonly decision?: 'allow' | 'deny'
  readonly status?: number | readonly number[]
  readonly headers?: Readonly<Record<string, string>>
  readonly absentHeaders?: readonly string[]
  readonly subject?: string
  readonly extra?: unknown
  readonly cookies?: Readonly<Record<string, string>>
  readonly jwt?: {
    readonly header?: Readonly<Record<string, unknown>>
    readonly claims?: Readonly<Record<string, unknown>>
    readonly lifetimeSeconds?: number
    readonly sameAsPrevious?: boolean
  }
  readonly location?: string
  readonly body?: string
  readonly error?: Readonly<Record<string, unknown>>
  readonly calls?: readonly ExpectedCall[]
  readonly json?: unknown
  readonly starts?: boolean
  /** For metrics: the value of the label `request`, or the count of each value. */
  readonly request_label?: string
  readonly by_request_label?: Readonly<Record<string, number>>
}

export interface Alternative {
  readonly q: string
  readonly why: string
  readonly expect: Expectation
}

export interface StubSpec {
  readonly name: string
  readonly responses: readonly {
    readonly path?: string
    readonly status?: number
    readonly headers?: Readonly<Record<string, string | readonly string[]>>
    readonly json?: unknown
    readonly body?: string
    readonly delayMs?: number
  }[]
}

export interface Step {
  readonly request?: CaseRequest
  readonly http?: { readonly method: string; readonly path: string; readonly headers?: readonly HeaderPair[] }
  readonly expect: Expectation
  readonly alternatives?: readonly Alternative[]
  readonly sleepMs?: number
  readonly writeRules?: unknown
  readonly writeConfig?: unknown
  readonly writeFiles?: Readonly<Record<string, string>>
}

export interface KeyEntry {
  readonly gen: 'rsa2048' | 'p256' | 'ed25519' | 'oct32'
  readonly private?: boolean
  readonly [member: string]: unknown
}

export interface Case extends Step {
  readonly id: string
  readonly area: string
  /** For metrics: the requested paths. */
  readonly input?: string | readonly string[]
  readonly kind: 'check' | 'steps' | 'startup' | 'http' | 'unit'
  readonly oddity?: readonly string[]
  readonly strictness?: string
  readonly config?: Readonly<Record<string, unknown>>
  readonly configText?: string
  readonly rules?: readonly unknown[]
  readonly rulesText?: string
  readonly mount?: 'file' | 'inline' | 'none'
  readonly files?: Readonly<Record<string, string>>
  readonly keys?: Readonly<Record<string, readonly KeyEntry[]>>
  readonly env?: Readonly<Record<string, string>>
  readonly stubs?: readonly StubSpec[]
  readonly steps?: readonly Step[]
  readonly lint?: 'errors' | 'clean'
  readonly labels?: readonly { readonly label: string; readonly why: string }[]
}

const folder = new URL('cases/', import.meta.url)

/** Reads all cases, by area. */
export function readCases(): ReadonlyMap<string, readonly Case[]> {
  const files = readdirSync(folder).filter(name => name.endsWith('.jsonl'))
  return new Map(
    files.sort().map(name => {
      const lines = readFileSync(new URL(name, folder), 'utf8').split('\n').filter(Boolean)
      return [name.replace('.jsonl', ''), lines.map(line => JSON.parse(line) as Case)]
    }),
  )
}
