/**
 * Presents a session to templates as Oathkeeper's `AuthenticationSession`. Members are computed only when a
 * template reads them.
 */
import type { MatchContext, Session } from '../../access/session.ts'
import { resetStepBudget } from '../../golang/index.ts'
import type { KnownFields } from '../../gotemplate/index.ts'
import {
  type GoMethod,
  type GoStruct,
  type GoValue,
  goHeader,
  goSlice,
  goStruct,
  goUrl,
  marshalJson,
  NIL_URL,
  nilMap,
  nilSlice,
  type StructType,
  signature,
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
    // Go's method has no result, so a template that calls it fails.
    ['SetHeader', { signature: signature(['string', 'string']) }],
  ]),
}

/** The root value of a template, with `.Subject`, `.Extra`, `.Header` and `.MatchContext`. */
export const templateData = (session: Session): GoStruct => goStruct(SESSION, session)

/** All fields and methods that a template may use, for the linter. */
export const SESSION_FIELDS: KnownFields = new Map(
  [...SESSION.fields.keys(), ...SESSION.methods.keys()].map(name => [
    name,
    name === 'MatchContext' ? [...MATCH_CONTEXT.fields.keys()] : undefined,
  ]),
)

/**
 * Encodes a session like Go's `json.Marshal`. Throws `GoError` for a value that JSON cannot represent and for
 * a session that is too large.
 */
export function sessionJson(session: Session): string {
  resetStepBudget()
  return marshalJson(templateData(session))
}
