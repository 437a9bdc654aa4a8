/** Go's text/template with sprig: the only entry to this folder. */
export { type KnownFields, lintTemplate } from './lint.ts'
export { parseTemplate, type Template, TemplateError } from './template.ts'
export { goHeader } from './values/header.ts'
export { jsonString, toJson } from './values/json.ts'
export { signature } from './values/signature.ts'
export { goUrl, NO_URL } from './values/url.ts'
export {
  GoStruct,
  goStruct,
  type Method,
  nilMap,
  nilSlice,
  type StructType,
  sliceOf,
  type Value,
} from './values/value.ts'
