/** Settings of the pages that browsers get for denials. */
import { type SettingValues, setting } from '../../config/setting.ts'
import { constrained, flag, isHttpUrl, oneOf, text } from '../../config/value_types.ts'
import { ACCENT_PATTERN } from './accent.ts'
import { LANGUAGES } from './language.ts'

/** A denial carries the page with the logo as base64, and Envoy gets at most 64 KiB of it. */
const MAX_LOGO_BYTES = 24_576
const MAX_TITLE_CHARS = 100

/** An image as base64. The type is checked, because a browser would show a document of any type that it gets. */
const DATA_URL = /^data:image\/(?:png|jpeg|gif|webp|avif|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}$/
/** Shown as an image, in which no script runs. Without its namespace a browser shows nothing. */
const SVG = /^\s*<svg\s[^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*<\/svg>\s*$/
/** A path on the host of the request: a second slash or a backslash would name another host. */
const LOCAL_PATH = /^\/(?![/\\])[\x21-\x7e]*$/
const MAIL_ADDRESS = /^mailto:[^\s@?]+@[^\s@?]+$/

export const pageSettings = {
  enabled: setting('errors.pages.enabled', flag(), {
    default: false,
    description:
      'Whether a browser that opens a page gets an HTML page instead of the JSON of `errors.fallback`. Error handlers that a rule names itself, and every other client, are not affected.',
    credenceOnly: true,
    reloadable: true,
  }),
  title: setting(
    'errors.pages.title',
    constrained(
      text(),
      title => title.length <= MAX_TITLE_CHARS,
      `must have at most ${MAX_TITLE_CHARS} characters`,
      'for example Example Shop',
    ),
    {
      description: 'Name of the product or the site, at the top of each page. Unset: none.',
      credenceOnly: true,
      reloadable: true,
    },
  ),
  logo: setting(
    'errors.pages.logo',
    constrained(
      text(),
      logo =>
        Buffer.byteLength(logo) <= MAX_LOGO_BYTES &&
        [LOCAL_PATH, DATA_URL, SVG].some(form => form.test(logo)),
      `must be a path, a base64 data: URL of an image, or SVG with its xmlns, of at most ${MAX_LOGO_BYTES} bytes`,
      'for example /logo.svg, a path that no rule denies, or data:image/png;base64,…',
    ),
    {
      description:
        'Logo at the top of each page: a path on the host of the request, a data: URL of an image in base64, or the text of an SVG. Unset: none.',
      credenceOnly: true,
      reloadable: true,
    },
  ),
  accent: setting(
    'errors.pages.accent',
    constrained(
      text(),
      accent => ACCENT_PATTERN.test(accent),
      'must be a colour in hexadecimal',
      'for example #2457d6',
    ),
    {
      description:
        'Colour of the button, as `#rrggbb`. Its text is black or white, whichever is easier to read. Unset: blue.',
      credenceOnly: true,
      reloadable: true,
    },
  ),
  supportUrl: setting(
    'errors.pages.support_url',
    constrained(
      text(),
      url => isHttpUrl(url) || MAIL_ADDRESS.test(url) || LOCAL_PATH.test(url),
      'must be an http or https URL, a mailto: address or a path',
      'for example https://example.com/help or mailto:help@example.com',
    ),
    {
      description:
        'Link for users who need help, below the reference: a URL, a `mailto:` address or a path. Unset: none.',
      credenceOnly: true,
      reloadable: true,
    },
  ),
  language: setting('errors.pages.language', oneOf('auto', ...LANGUAGES), {
    default: 'auto',
    description:
      'Language of the pages: English, German, or auto for the one that the browser prefers, else English.',
    credenceOnly: true,
    reloadable: true,
  }),
}

/** How an operator wants the pages, as `createRefusalPages` needs it. */
export const refusalPageOptions = (settings: SettingValues) => ({
  enabled: settings.get(pageSettings.enabled),
  title: settings.get(pageSettings.title) ?? '',
  logo: logoUrl(settings.get(pageSettings.logo) ?? ''),
  accent: settings.get(pageSettings.accent),
  supportUrl: settings.get(pageSettings.supportUrl) ?? '',
  language: settings.get(pageSettings.language),
})

const logoUrl = (logo: string): string =>
  SVG.test(logo) ? `data:image/svg+xml;base64,${Buffer.from(logo.trim()).toString('base64')}` : logo
