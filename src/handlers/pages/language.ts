/** Languages of the pages, and the one that a browser prefers. */
import { GERMAN } from './texts/de.ts'
import { ENGLISH } from './texts/en.ts'
import type { PageTexts } from './texts/page_texts.ts'

/** The translations, by tag of BCP 47. */
export const TEXTS = { en: ENGLISH, de: GERMAN } satisfies Readonly<Record<string, PageTexts>>
export type Language = keyof typeof TEXTS
/** All tags, English first. */
export const LANGUAGES = Object.keys(TEXTS) as readonly Language[]

/** Browsers send fewer; the rest of a longer list is ignored. */
const MAX_LANGUAGES = 20
/** A language tag with its weight (RFC 9110 §12.5.4). Regions are ignored, because no translation differs by region. */
const LANGUAGE_RANGE =
  /^\s*([a-z]{2,8})(?:-[a-z0-9]{1,8})*\s*(?:;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?$/i

/** The language of the pages that an Accept-Language header prefers; English where it names none of them. */
export function preferredLanguage(acceptLanguage: string): Language {
  let preferred: Language = 'en'
  let highest = 0
  for (const range of acceptLanguage.split(',', MAX_LANGUAGES)) {
    const [, tag = '', weight = '1'] = LANGUAGE_RANGE.exec(range) ?? []
    const language = tag.toLowerCase()
    if (isLanguage(language) && Number(weight) > highest) {
      preferred = language
      highest = Number(weight)
    }
  }
  return preferred
}

const isLanguage = (text: string): text is Language => Object.hasOwn(TEXTS, text)
