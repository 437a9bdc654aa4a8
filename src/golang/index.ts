/** Go's standard library on plain values: the only entry to this folder. */
export {
  base32Decode,
  base32Encode,
  base64Decode,
  decodedOrErrorText as decodedText,
} from './base_encoding.ts'
export {
  formatGoDuration as durationText,
  NS_PER_SECOND as SECOND,
  parseGoDuration,
  roundDuration,
} from './durations.ts'
export { alternateForm as fixedDecimals, formatBinaryFloat as binaryForm, formatFloat } from './floats.ts'
export {
  foldGlobCase as lowerGlob,
  GlobError as GlobFault,
  type GlobNode,
  type GlobToken as GlobChar,
  globToRegExpSource as globSource,
  matchGlob as globMatches,
  overlappingTexts as overlaps,
  parseGlob,
} from './glob.ts'
export {
  isRecord,
  type JsonRecord,
  type JsonValue,
  memberIgnoringCase as memberInAnyCase,
  ownMember as member,
  parseJson,
  replaceLoneSurrogateEscapes as wellFormed,
} from './json.ts'
export {
  civilTime as civil,
  DAYS,
  floorDiv,
  formatDefault as timeText,
  formatTime,
  MONTHS,
  midnight,
  unixSeconds as seconds,
  ZERO_TIME,
  type ZonedTime as Moment,
  zonedTimeAt as momentOf,
} from './layout.ts'
export {
  camelCase,
  delimitedCase as joinedCase,
  GO_SPACE as SPACE,
  swapCase,
  title,
  toLower as lower,
  toUpper as upper,
  trimSpace,
  untitle,
} from './letter_case.ts'
export {
  assertListLength as boundList,
  assertTextLength as boundText,
  consumeSteps as spend,
  GoError as Fault,
  resetStepBudget as resetBudget,
} from './limits.ts'
export {
  type NumberConstant,
  parseFloat64,
  parseInt64 as parseInteger,
  parseNumberConstant as parseNumber,
} from './numbers.ts'
export { percentDecode, percentEncode, queryEscape } from './percent_encoding.ts'
export {
  compileRegexp as linearRegexp,
  type Regexp as LinearRegexp,
  type RegexpMatch as Match,
} from './re2.ts'
export {
  byteLength,
  bytesToString as textOf,
  fromByteString,
  isPrintable,
  quoteString as quote,
  stringToBytes as bytesOf,
  toByteString,
  unquoteString as unquote,
} from './strings.ts'
export { parseTime } from './time_parse.ts'
export {
  escapedPath,
  formatUrl as urlText,
  formatUserInfo as userText,
  type GoUrl,
  hostname,
  parseQuery,
  splitHost,
  type UserInfo,
} from './url.ts'
export { parseUrl } from './url_parse.ts'
export { loadZone, UTC, type Zone } from './zones.ts'
