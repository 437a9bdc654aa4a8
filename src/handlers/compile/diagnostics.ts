/** Turns an error of decoding or compiling a handler's configuration into diagnostics. */
import { z } from 'zod'
import type { DocumentPath } from '../../documents/diagnostic.ts'
import { typeMismatch } from '../../documents/type_mismatch.ts'
import { closestMatch } from '../../lib/closest_match.ts'
import { HandlerConfigError } from './config_error.ts'
import { knownKeys } from './known_keys.ts'

/**
 * A problem of one handler. `path` leads from the handler's entry in the rule, or in the service
 * configuration, to the value.
 */
export interface HandlerDiagnostic {
  readonly severity: 'error' | 'warning'
  readonly path: DocumentPath
  readonly message: string
  readonly hint: string
}

/**
 * Diagnostics of a `HandlerConfigError` or `z.ZodError`. Throws any other error again. `schema` supplies
 * suggestions for unknown keys.
 */
export function diagnosticsOf(error: unknown, schema?: z.ZodType): readonly HandlerDiagnostic[] {
  if (error instanceof HandlerConfigError) {
    return [error, ...error.otherErrors].map(({ path, message, hint }) => ({
      severity: 'error',
      path: ['config', ...path],
      message,
      hint,
    }))
  }
  if (error instanceof z.ZodError) return error.issues.flatMap(issue => zodDiagnostics(issue, schema))
  throw error
}

function zodDiagnostics(
  issue: z.core.$ZodIssue,
  schema: z.ZodType | undefined,
): readonly HandlerDiagnostic[] {
  const path = ['config', ...issue.path.map(part => (typeof part === 'symbol' ? String(part) : part))]
  if (issue.code === 'unrecognized_keys') {
    const known = schema === undefined ? [] : knownKeys(schema, issue.path)
    return issue.keys.map(key => {
      const suggestion = closestMatch(key, known)
      const hint = suggestion === undefined ? '' : `did you mean "${suggestion}"?`
      return { severity: 'error' as const, path: [...path, key], message: `unknown key "${key}"`, hint }
    })
  }
  const problem =
    issue.code === 'invalid_type'
      ? typeMismatch(issue.expected, issue.input)
      : { message: issue.message, hint: '' }
  return [{ severity: 'error', path, ...problem }]
}
