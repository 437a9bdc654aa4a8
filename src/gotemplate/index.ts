/** Go's text/template with sprig. The only entry to this folder. */
export { type KnownFields, lintTemplate } from './lint.ts'
export { parseTemplate, type Template, TemplateError } from './template.ts'
export { goHeader } from './values/header.ts'
export { marshalJson, quoteJsonString } from './values/json.ts'
export { signature } from './values/signature.ts'
export { goUrl, NIL_URL } from './values/url.ts'
export {
  type GoMethod,
  GoStruct,
  type GoValue,
  goSlice,
  goStruct,
  nilMap,
  nilSlice,
  type StructType,
} from './values/value.ts'
