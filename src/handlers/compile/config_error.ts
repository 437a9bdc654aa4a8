/**
 * The error that a handler throws while it compiles a configuration, and a way to collect several of them.
 */
import type { DocumentPath } from '../../documents/diagnostic.ts'

/**
 * A configuration error that a schema cannot detect, such as a template that does not parse or a URL with the
 * wrong scheme.
 */
export class HandlerConfigError extends Error {
  /** Leads from the handler's config to the value. */
  readonly path: DocumentPath
  readonly hint: string
  /** Further errors in the same config. */
  readonly otherErrors: readonly HandlerConfigError[]
  constructor(
    path: DocumentPath,
    message: string,
    hint = '',
    otherErrors: readonly HandlerConfigError[] = [],
  ) {
    super(message)
    this.path = path
    this.hint = hint
    this.otherErrors = otherErrors
  }
}

/**
 * Maps all items, then throws one `HandlerConfigError` with all those that `map` threw, so that users see
 * every error at once.
 */
export function mapCollectingErrors<T, R>(items: readonly T[], map: (item: T) => R): R[] {
  const results: R[] = []
  const errors: HandlerConfigError[] = []
  for (const item of items) {
    try {
      results.push(map(item))
    } catch (error) {
      if (!(error instanceof HandlerConfigError)) throw error
      errors.push(error)
    }
  }
  const [first, ...others] = errors
  if (first !== undefined) throw new HandlerConfigError(first.path, first.message, first.hint, others)
  return results
}
