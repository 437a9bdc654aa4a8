/** Colours that an operator chooses for the pages. */

/** `#rgb` or `#rrggbb`. Nothing else reaches the style of a page. */
export const ACCENT_PATTERN = /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i

/**
 * Black or white, whichever has more contrast on the colour. The better of both has at least 4.58:1 on every colour,
 * which is more than WCAG 2.2 demands of text (1.4.3).
 */
export function textColorOn(accent: string): '#000' | '#fff' {
  const luminance = relativeLuminance(accent)
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? '#000' : '#fff'
}

/** From 0 (black) to 1 (white), as WCAG 2.2 defines it. */
function relativeLuminance(color: string): number {
  const digits = color.length === 4 ? color.slice(1).replace(/./g, '$&$&') : color.slice(1)
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map(at => {
    const channel = Number.parseInt(digits.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
