/** Colours, type and focus of every page that Credence serves, as CSS custom properties for both colour schemes. */

/**
 * Every text colour has a contrast of at least 4.5:1 on `--page` and `--surface`, and `--on-accent` has it on `--accent`
 * (WCAG 2.2, 1.4.3). The colours follow the scheme and the contrast that the user prefers.
 */
export const DESIGN_TOKENS = `
:root{color-scheme:light dark;--page:#f4f5f7;--surface:#fff;--text:#1b1f24;--muted:#57606a;--line:#d0d7de;
--accent:#2457d6;--on-accent:#fff;--error:#a4262c;--notice:#eef3ff;
--font:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
@media (prefers-color-scheme:dark){:root{--page:#14171b;--surface:#1c2026;--text:#e8eaed;--muted:#a6b0bb;--line:#3d4651;
--accent:#8ab0ff;--on-accent:#0b1020;--error:#ff9a94;--notice:#1f2a44}}
@media (prefers-contrast:more){:root{--muted:var(--text);--line:var(--text)}}
`

/** What all pages have in common: the font, the width, focus that is visible, and words that break instead of scrolling. */
export const BASE_STYLE = `
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 var(--font);overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}
p{margin:0 0 1rem}
a{color:inherit}
code{font-family:var(--mono);font-size:.9375em}
:focus-visible{outline:3px solid var(--text);outline-offset:2px}
.button{display:inline-block;min-height:2.75rem;padding:.55rem 1.25rem;border:1px solid var(--line);border-radius:.5rem;
background:var(--accent);color:var(--on-accent);font:inherit;font-weight:600;text-decoration:none;cursor:pointer}
`
