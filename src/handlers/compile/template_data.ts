/** handlers/parts/template_data — a session as the templates of rules see it (spec 6.0). Computes nothing that a template does not touch. */
import type { MatchContext, Session } from '../../access/session.ts'
import { resetStepBudget } from '../../golang/index.ts'
import type { KnownFields } from '../../gotemplate/index.ts'
import {
  type GoStruct,
  goHeader,
  goStruct,
  goUrl,
  type GoMethod,
  NIL_URL,
  nilMap,
  nilSlice,
  type StructType,
  signature,
  goSlice,
  marshalJson,
  type GoValue,
} from '../../gotemplate/index.ts'

const MATCH_CONTEXT: StructType<MatchContext> = {
  name: 'authn.MatchContext',
  pointer: false,
  fields: new Map([
    [
      'RegexpCaptureGroups',
      {
        json: 'regexp_capture_groups',
        get: ({ captures }) =>
          captures === undefined ? nilSlice('[]string') : goSlice('[]string', captures),
      },
    ],
    ['URL', { json: 'url', get: ({ url }) => (url === undefined ? NIL_URL : goUrl(url)) }],
    ['Method', { json: 'method', get: match => match.method }],
    ['Header', { json: 'header', get: ({ headers }) => goHeader(headers && (() => headerLines(headers))) }],
  ]),
  methods: new Map(),
}

function* headerLines(
  headers: NonNullable<MatchContext['headers']>,
): Iterable<readonly [name: string, value: string]> {
  if ('headerEntries' in headers) yield* headers.headerEntries()
  else for (const [name, values] of headers) for (const value of values) yield [name, value]
}

const SESSION: StructType<Session> = {
  name: 'authn.AuthenticationSession',
  pointer: true,
  fields: new Map<string, { json: string; get(session: Session): GoValue }>([
    ['Subject', { json: 'subject', get: session => session.subject }],
    ['Extra', { json: 'extra', get: session => session.extra ?? nilMap() }],
    [
      'Header',
      {
        json: 'header',
        get: ({ headers }) =>
          goHeader(headers.length === 0 ? undefined : () => headers.map(({ name, value }) => [name, value])),
      },
    ],
    ['MatchContext', { json: 'match_context', get: session => goStruct(MATCH_CONTEXT, session.match) }],
  ]),
  methods: new Map<string, GoMethod<Session>>([
    ['Copy', { signature: signature([]), run: session => goStruct(SESSION, session) }],
    // Go's has no result, so a template that calls it fails.
    ['SetHeader', { signature: signature(['string', 'string']) }],
  ]),
}

/** What a template renders: `.Subject`, `.Extra`, `.Header`, `.MatchContext`. */
export const templateData = (session: Session): GoStruct => goStruct(SESSION, session)

/** What a template may name, to tell at load what it may not. */
export const SESSION_FIELDS: KnownFields = new Map(
  [...SESSION.fields.keys(), ...SESSION.methods.keys()].map(name => [
    name,
    name === 'MatchContext' ? [...MATCH_CONTEXT.fields.keys()] : undefined,
  ]),
)

/** A session as Go's `json.Marshal` writes it (spec 6.5). Throws what has no form in JSON, or is too large. */
export function sessionJson(session: Session): string {
  resetStepBudget()
  return marshalJson(templateData(session))
}
