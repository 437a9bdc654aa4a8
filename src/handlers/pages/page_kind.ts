/** Which page a denial gets. */
import type { Denial } from '../../access/denial.ts'
import type { PageKind } from './texts/page_texts.ts'

/** `login`: target of a redirect that the page replaces, because the browser has just come from there. */
export function pageKindOf({ code, status, hints }: Denial, login: string | undefined): PageKind {
  if (hints?.enrollmentRequired === true) return 'enrollment_required'
  if (code === 'second_factor_required' || code === 'reauthentication_required') return code
  switch (status) {
    case 400:
    case 431:
      return 'bad_request'
    case 401:
      return login === undefined ? 'login_required' : 'login_not_received'
    case 403:
      return 'not_allowed'
    case 404:
      return 'not_found'
    case 429:
      return 'rate_limited'
    case 500:
      return 'failure'
    case 503:
    case 504:
      return 'unavailable'
  }
}
