/** The pages in English. */
import type { PageTexts } from './page_texts.ts'

export const ENGLISH: PageTexts = {
  pages: {
    bad_request: {
      title: 'This request cannot be read',
      text: 'The address or another part of the request is not valid. Check the address, or follow a link from the start page.',
    },
    login_required: {
      title: 'You are not logged in here',
      text: 'This page requires a login. Log in, then open this page again.',
      login: 'Log in',
    },
    login_not_received: {
      title: 'You are not logged in here',
      text: 'You returned from the login, but this page received no valid session. Your browser may block cookies, or the session cookie may belong to another site.',
      login: 'Log in',
    },
    not_allowed: {
      title: 'You have no access to this page',
      text: 'Your account has no access to this page. If you need access, ask the operator of this site.',
      login: 'Log in with another account',
    },
    not_found: {
      title: 'This page does not exist',
      text: 'There is no page at this address. The address may have a typing error, or the page may have moved.',
    },
    rate_limited: {
      title: 'Too many requests',
      text: 'This site received too many requests in a short time. Wait a moment, then try again.',
    },
    failure: {
      title: 'Something went wrong',
      text: 'This page cannot be shown because of an error on this site. You did nothing wrong. Try again later.',
    },
    unavailable: {
      title: 'Please try again in a moment',
      text: 'Your access cannot be checked at the moment. You do not need to log in again. Reload this page in a few minutes.',
    },
    enrollment_required: {
      title: 'This page needs a second factor',
      text: 'Your account has no second factor yet. Set one up in the settings of your account, for example an authenticator app, a security key or backup codes. Then open this page again.',
    },
    second_factor_required: {
      title: 'This page needs a second factor',
      text: 'You logged in without a second factor. If your account has none yet, set one up in the settings of your account first, for example an authenticator app, a security key or backup codes.',
      login: 'Use your second factor',
    },
    reauthentication_required: {
      title: 'This page needs a new login',
      text: 'This page requires a more recent login or another login method. If your account does not have that method yet, set it up in the settings of your account first.',
      login: 'Log in again',
    },
  },
  startPage: 'Go to the start page',
  tryAgain: 'Try again',
  accountSettings: 'Settings of your account',
  contactSupport: 'Contact support',
  reference: 'Reference',
}
