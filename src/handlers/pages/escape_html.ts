/** Escapes text for HTML. */

/** Escapes text for HTML content and quoted attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, character => (character === '&' ? '&amp;' : `&#${character.charCodeAt(0)};`))
