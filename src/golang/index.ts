/** Go's standard library on plain values: the only entry to this folder. */
export { base32Decode, base32Encode, base64Decode, decodedText } from './base_encoding.ts'
export { durationText, parseGoDuration, roundDuration, SECOND } from './durations.ts'
export { binaryForm, fixedDecimals, formatFloat } from './floats.ts'
export {
  type GlobChar,
  GlobFault,
  type GlobNode,
  globMatches,
  globSource,
  lowerGlob,
  overlaps,
  parseGlob,
} from './glob.ts'
export {
  isRecord,
  type JsonRecord,
  type JsonValue,
  member,
  memberInAnyCase,
  parseJson,
  wellFormed,
} from './json.ts'
export {
  civil,
  DAYS,
  floorDiv,
  formatTime,
  MONTHS,
  type Moment,
  midnight,
  momentOf,
  seconds,
  timeText,
  ZERO_TIME,
} from './layout.ts'
export {
  camelCase,
  joinedCase,
  lower,
  SPACE,
  swapCase,
  title,
  trimSpace,
  untitle,
  upper,
} from './letter_case.ts'
export { boundList, boundText, Fault, resetBudget, spend } from './limits.ts'
export { type NumberConstant, parseFloat64, parseInteger, parseNumber } from './numbers.ts'
export { percentDecode, percentEncode, queryEscape } from './percent_encoding.ts'
export { type LinearRegexp, linearRegexp, type Match } from './re2.ts'
export {
  byteLength,
  bytesOf,
  fromByteString,
  isPrintable,
  quote,
  textOf,
  toByteString,
  unquote,
} from './strings.ts'
export { parseTime } from './time_parse.ts'
export {
  escapedPath,
  type GoUrl,
  hostname,
  parseQuery,
  splitHost,
  type UserInfo,
  urlText,
  userText,
} from './url.ts'
export { parseUrl } from './url_parse.ts'
export { loadZone, UTC, type Zone } from './zones.ts'
