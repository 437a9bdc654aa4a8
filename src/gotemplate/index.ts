/** Go's text/template with sprig: the only entry to this folder. */
export { type KnownFields, lintTemplate } from './lint.ts'
export { parseTemplate, type Template, TemplateError } from './template.ts'
export { goHeader } from './values/header.ts'
export { marshalJson as toJson, quoteJsonString as jsonString } from './values/json.ts'
export { signature } from './values/signature.ts'
export { goUrl, NIL_URL as NO_URL } from './values/url.ts'
export {
  type GoMethod as Method,
  GoStruct,
  type GoValue as Value,
  goSlice as sliceOf,
  goStruct,
  nilMap,
  nilSlice,
  type StructType,
} from './values/value.ts'
