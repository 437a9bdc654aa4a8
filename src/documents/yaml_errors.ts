/** lib/yaml_fault — what a parser of YAML stumbled over, in the words of people who write it, and what to do. Knows the parser's reasons, parses nothing. */

export interface YamlExplanation {
  readonly message: string
  readonly hint: string
}

/** What the parser says of a line that a tab indents. */
const INDENTATION_REASON = /indentation|document separator|implicit key|^a line break is expected/

/** The parser's reason → what is wrong, and what to do. The first that fits; what none fits is told as it is. */
const EXPLANATIONS: readonly (readonly [reason: RegExp, message: string, hint: string])[] = [
  [
    /^deficient indentation/,
    'a bracket or quote that was opened before this place is not closed',
    'close it, or begin this line further right',
  ],
  [/^missed comma/, 'a comma is missing, or a bracket or quote before this place is not closed', ''],
  [/^unexpected end of the stream within a flow/, 'the file ends within a "[" or "{"', 'close it'],
  [/^unexpected end of the (?:stream|document) within a (?:double|single)/, 'a quote is not closed', ''],
  [/^bad indentation of a (\w+) entry/, 'this line begins too far left or right', 'align it with its like'],
  [
    /^end of the stream or a document separator/,
    'this line belongs to nothing before it',
    'align it with its like, and put texts with ":" or "#" into quotes',
  ],
  [
    /^can not read a block mapping entry|^expected ':' after|multiline key/,
    'a key without ":" behind it',
    'write "key: value", with a blank after the colon',
  ],
  [/^tab characters/, 'a tab indents this line', 'YAML is indented with blanks'],
  [/^unknown escape sequence/, 'an escape that is not known in "…"', 'write it in \'…\', or "\\\\" for "\\"'],
  [/^null byte|non-printable/, 'a character that no text has', 'save the file as UTF-8 text'],
  [/^nesting exceeded/, 'lists and maps lie more than a hundred deep in one another', ''],
]

/** `text` is the whole document and `line` the 1-based line at which the parser gave up. */
export function explainYamlError(reason: string, text: string, line: number): YamlExplanation {
  const isJson = /^\s*[[{]/.test(text)
  if (!isJson && INDENTATION_REASON.test(reason)) {
    const indented = /^[ ]*\t/.test(text.split('\n', line)[line - 1] ?? '')
    if (indented) return { message: 'a tab indents this line', hint: 'YAML is indented with blanks' }
  }
  const known = EXPLANATIONS.find(([pattern]) => pattern.test(reason))
  if (known === undefined) return { message: reason, hint: '' }
  return { message: known[1], hint: known[2] }
}
