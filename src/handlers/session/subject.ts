/** Reads subject and extra data from the response of a session endpoint by two gjson paths. */
import { type Denial, forbidden } from '../../access/denial.ts'
import { type Identity, identity, type Json } from '../../access/session.ts'
import { compileGjson } from '../../gjson/index.ts'
import { isRecord } from '../../golang/index.ts'

/** Gjson paths of the subject and of the extra data. */
export interface SubjectPaths {
  readonly subjectFrom: string
  readonly extraFrom: string
  /** Whether to deny a response with an empty subject. */
  readonly requireSubject: boolean
}

type IdentityOptions = Parameters<typeof identity>[2]
/** `document` is `undefined` if the response is not JSON. */
export type ReadIdentity = (document: Json | undefined, options?: IdentityOptions) => Identity | Denial

/**
 * A missing or null value means an empty subject or no extra data. A value of another type is a 403 whose
 * reason names only the path.
 */
export function compileIdentityReader({
  subjectFrom,
  extraFrom,
  requireSubject,
}: SubjectPaths): ReadIdentity {
  const findSubject = compileGjson(subjectFrom)
  const findExtra = compileGjson(extraFrom)
  return (document, options) => {
    const subject = document === undefined ? '' : (findSubject(document) ?? '')
    if (typeof subject !== 'string') return badAnswer(`subject_from "${subjectFrom}" did not find a string`)
    if (subject === '' && requireSubject)
      return badAnswer(`subject_from "${subjectFrom}" did not find a subject`)
    const extra = document === undefined ? undefined : (findExtra(document) ?? undefined)
    if (extra !== undefined && !isRecord(extra))
      return badAnswer(`extra_from "${extraFrom}" did not find an object`)
    return identity(subject, extra, options)
  }
}

const badAnswer = (reason: string): Denial => forbidden('bad_answer', { reason })
