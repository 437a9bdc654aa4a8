/**
 * Node's HTTP modules. An import would read every export of `node:http`, among them WebSocket, for which Node loads its own
 * copy of undici: 16 MB and most of the time of a bare start.
 */
export const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http')

/** Loads `node:https`; only a listener with TLS needs it. */
export const nodeHttps = () => process.getBuiltinModule('node:https')
