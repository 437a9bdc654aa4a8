/** handlers/parts/session_subject — from what a session endpoint said to an identity, by two gjson paths (spec 4.0). Knows no endpoint. */
import { type Denial, forbidden } from '../../access/denial.ts'
import { type Identity, identity, type Json, type JsonObject } from '../../access/session.ts'
import { compileGjson } from '../../gjson/index.ts'

export interface SubjectPaths {
  readonly subjectFrom: string
  readonly extraFrom: string
  /** An empty subject is refused. */
  readonly requireSubject: boolean
}

type IdentityOptions = Parameters<typeof identity>[2]
/** `undefined`: the answer had no JSON. */
export type ReadIdentity = (document: Json | undefined, parts?: IdentityOptions) => Identity | Denial

/** Missing or null: an empty subject, no extra data. Of another type: 403, naming the path and nothing of the answer. */
export function compileIdentityReader({
  subjectFrom,
  extraFrom,
  requireSubject,
}: SubjectPaths): ReadIdentity {
  const findSubject = compileGjson(subjectFrom)
  const findExtra = compileGjson(extraFrom)
  return (document, parts) => {
    const subject = document === undefined ? '' : (findSubject(document) ?? '')
    if (typeof subject !== 'string') return badAnswer(`subject_from "${subjectFrom}" found no text`)
    if (subject === '' && requireSubject) return badAnswer(`subject_from "${subjectFrom}" found no subject`)
    const extra = document === undefined ? undefined : (findExtra(document) ?? undefined)
    if (extra !== undefined && !isObject(extra)) return badAnswer(`extra_from "${extraFrom}" found no object`)
    return identity(subject, extra, parts)
  }
}

const badAnswer = (reason: string): Denial => forbidden('bad_answer', { reason })

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
