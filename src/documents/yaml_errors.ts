/** Translates the error messages of the YAML parser into an explanation and a hint for the author of the file. */

export interface YamlExplanation {
  readonly message: string
  readonly hint: string
}

/** The parser's messages for a line that is indented with a tab. */
const INDENTATION_REASON = /indentation|document separator|implicit key|^a line break is expected/

/** The first matching entry counts; a message that matches none is reported unchanged. */
const EXPLANATIONS: readonly (readonly [reason: RegExp, message: string, hint: string])[] = [
  [
    /^deficient indentation/,
    'a bracket or quote that was opened before this position is not closed',
    'close it, or indent this line further',
  ],
  [/^missed comma/, 'a comma is missing, or a bracket or quote before this position is not closed', ''],
  [/^unexpected end of the stream within a flow/, 'the file ends inside of "[" or "{"', 'close it'],
  [/^unexpected end of the (?:stream|document) within a (?:double|single)/, 'a quote is not closed', ''],
  [
    /^bad indentation of a (\w+) entry/,
    'this line has the wrong indentation',
    'align it with the other entries',
  ],
  [
    /^end of the stream or a document separator/,
    'this line does not belong to any entry before it',
    'align it with the other entries, and quote strings that contain ":" or "#"',
  ],
  [
    /^can not read a block mapping entry|^expected ':' after|multiline key/,
    'a key is not followed by ":"',
    'write "key: value", with a space after the colon',
  ],
  [/^tab characters/, 'this line is indented with a tab', 'indent YAML with spaces'],
  [/^unknown escape sequence/, 'unknown escape sequence in "…"', 'use \'…\', or write "\\\\" for "\\"'],
  [/^null byte|non-printable/, 'a control character', 'save the file as UTF-8 text'],
  [/^nesting exceeded/, 'lists and maps are nested more than 100 levels deep', ''],
]

/** `reason` is the parser's message, `text` the whole document, `line` the 1-based line of the error. */
export function explainYamlError(reason: string, text: string, line: number): YamlExplanation {
  const isJson = /^\s*[[{]/.test(text)
  if (!isJson && INDENTATION_REASON.test(reason)) {
    const indented = /^[ ]*\t/.test(text.split('\n', line)[line - 1] ?? '')
    if (indented) return { message: 'this line is indented with a tab', hint: 'indent YAML with spaces' }
  }
  const known = EXPLANATIONS.find(([pattern]) => pattern.test(reason))
  if (known === undefined) return { message: reason, hint: '' }
  return { message: known[1], hint: known[2] }
}
