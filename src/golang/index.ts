/** Functions of Go's standard library on plain values. The only entry to this folder. */
export {
  base32Decode,
  base32Encode,
  base64Decode,
  decodedOrErrorText,
} from './base_encoding.ts'
export {
  formatGoDuration,
  NS_PER_SECOND,
  parseGoDuration,
  roundDuration,
} from './durations.ts'
export { alternateForm, formatBinaryFloat, formatFloat } from './floats.ts'
export {
  foldGlobCase,
  GlobError,
  type GlobNode,
  type GlobToken,
  globToRegExpSource,
  matchGlob,
  overlappingTexts,
  parseGlob,
} from './glob.ts'
export {
  isRecord,
  type JsonRecord,
  type JsonValue,
  memberIgnoringCase,
  ownMember,
  parseJson,
  parseUnboundedJson,
} from './json.ts'
export {
  civilTime,
  DAYS,
  floorDiv,
  formatTime,
  MONTHS,
  midnight,
  timeToString,
  unixSeconds,
  ZERO_TIME,
  type ZonedTime,
  zonedTimeAt,
} from './layout.ts'
export { isSpace, title, toLower, toUpper, trimSpace } from './letter_case.ts'
export {
  assertListLength,
  assertTextLength,
  consumeSteps,
  GoError,
  resetStepBudget,
} from './limits.ts'
export {
  type NumberConstant,
  parseFloat64,
  parseInt64,
  parseNumberConstant,
} from './numbers.ts'
export { percentDecode, percentEncode, queryEscape } from './percent_encoding.ts'
export {
  compileRegexp,
  type Regexp,
  type RegexpMatch,
} from './re2.ts'
export {
  byteLength,
  bytesToString,
  compareStrings,
  fromByteString,
  isPrintable,
  quoteString,
  stringToBytes,
  toByteString,
  unquoteString,
} from './strings.ts'
export { parseTime } from './time_parse.ts'
export {
  escapedPath,
  formatUrl,
  formatUserInfo,
  type GoUrl,
  hostname,
  parseQuery,
  splitHost,
  type UserInfo,
} from './url.ts'
export { parseUrl } from './url_parse.ts'
export { loadZone, UTC, type Zone } from './zones.ts'
