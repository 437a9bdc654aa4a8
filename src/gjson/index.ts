/** The gjson path language, compiled: the only entry to this folder. */
export { compileGjson } from './compile.ts'
