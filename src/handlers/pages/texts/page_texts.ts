/** What a translation of the pages consists of. */

/** What a page is about. It follows from the status and the code of a denial, and reveals no more than these. */
export type PageKind =
  | 'bad_request'
  | 'login_required'
  | 'login_not_received'
  | 'not_allowed'
  | 'not_found'
  | 'rate_limited'
  | 'failure'
  | 'unavailable'
  | 'enrollment_required'
  | 'second_factor_required'
  | 'reauthentication_required'

export interface PageText {
  /** The heading. */
  readonly title: string
  /** One or two sentences: what happened, and what the user can do. */
  readonly text: string
  /** Label of the link to the login. Absent where logging in cannot help. */
  readonly login?: string
}

/** The texts of one language. They contain no HTML; the renderer escapes them. */
export interface PageTexts {
  readonly pages: Readonly<Record<PageKind, PageText>>
  readonly startPage: string
  readonly tryAgain: string
  readonly accountSettings: string
  readonly contactSupport: string
  /** Stands before the id of the request. */
  readonly reference: string
}
