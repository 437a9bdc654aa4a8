/** The text of an address that a server listens on. */

/** `host:port`, with brackets around an IPv6 address. An empty host stands for all interfaces and becomes `[::]`. */
export function formatListenAddress(host: string, port: number): string {
  if (host === '') return `[::]:${port}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
