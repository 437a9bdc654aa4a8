/** Kratos' errors with their exact texts. */
import type { ApiError } from './exchange.ts'

/** The same for every reason, a database failure included, so that a caller cannot distinguish them. */
export const NO_SESSION: ApiError = {
  code: 401,
  status: 'Unauthorized',
  reason: 'No valid session credentials found in the request.',
  message: 'The request could not be authorized',
}

export const NO_SESSION_COOKIE: ApiError = { ...NO_SESSION, reason: 'No valid session cookie found.' }

export const NOT_FOUND: ApiError = {
  code: 404,
  status: 'Not Found',
  message: 'Unable to locate the resource',
}

export const DATABASE_ERROR: ApiError = {
  code: 500,
  status: 'Internal Server Error',
  message: 'Unable to locate the table',
}

export const CONFLICT: ApiError = {
  code: 409,
  status: 'Conflict',
  reason: 'This identity conflicts with another identity that already exists.',
  message: 'The resource could not be created due to a conflict',
}

const MALFORMED = 'The request was malformed or contained invalid parameters'

export const badRequest = (reason: string, id?: string): ApiError => ({
  ...(id === undefined ? {} : { id }),
  code: 400,
  status: 'Bad Request',
  reason,
  message: MALFORMED,
})

export const ALREADY_LOGGED_IN: ApiError = {
  id: 'session_already_available',
  code: 400,
  status: 'Bad Request',
  reason:
    'A valid session was detected and thus login is not possible. Did you forget to set `?refresh=true`?',
  message: 'you are already logged in',
}

export const AAL1_FIRST: ApiError = {
  id: 'session_aal1_required',
  code: 401,
  status: 'Unauthorized',
  reason: 'You can not requested a higher AAL (AAL2/AAL3) without an active session.',
  message: 'aal2 and aal3 can only be requested if a session exists already',
}

export const CSRF_VIOLATION: ApiError = {
  id: 'security_csrf_violation',
  code: 403,
  status: 'Forbidden',
  reason: 'Please retry the flow and optionally clear your cookies.',
  message: 'the request was rejected to protect you from Cross-Site-Request-Forgery',
}

export const UNKNOWN_TOKEN: ApiError = {
  code: 403,
  status: 'Forbidden',
  reason: 'The provided Ory Session Token could not be found, is invalid, or otherwise malformed.',
  message: 'The requested action was forbidden',
}

export const AAL_NOT_SATISFIED: ApiError = {
  id: 'session_aal2_required',
  code: 403,
  status: 'Forbidden',
  reason:
    'An active session was found but it does not fulfill the requested Authenticator Assurance Level. Please verify yourself with a second factor to resolve this issue.',
  message: 'Session does not fulfill the requested Authenticator Assurance Level',
}

export const serverError = (message: string): ApiError => ({
  code: 500,
  status: 'Internal Server Error',
  message,
})
