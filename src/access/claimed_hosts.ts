/** Keeps a host with a port away from rules for "every other host" where another rule claims that host by name. */
import type { CompiledRule } from './rule.ts'

export interface ClaimedHosts {
  /**
   * Whether a rule decides a host with a port only by a wildcard, while some rule names the host without the port. The upstream
   * is the same, so `app.example.com:8080` could avoid the rule for `app.example.com`. `host` is normalized: it has no default
   * port.
   */
  evades(rule: CompiledRule, host: string): boolean
}

/** Indexes the hosts that rules name literally and without a port. */
export function indexClaimedHosts(rules: readonly CompiledRule[]): ClaimedHosts {
  const names = new Set<string>()
  for (const { pattern } of rules) {
    for (const origin of pattern.origins ?? []) names.add(origin.slice(origin.indexOf('://') + 3))
    for (const host of pattern.hosts ?? []) if (host.endsWith('/')) names.add(host.slice(0, -1))
  }
  return {
    evades({ pattern }, host) {
      // Host names rarely end in a digit, so that most requests are not searched for a port.
      const last = host.charCodeAt(host.length - 1)
      if (last < DIGIT_0 || last > DIGIT_9) return false
      const colon = host.lastIndexOf(':')
      if (colon < 0) return false
      const name = host.slice(0, colon)
      if (!names.has(name) || pattern.text.toLowerCase().includes(host)) return false
      if (pattern.hosts !== undefined) return !pattern.hosts.some(text => text.startsWith(name))
      // Whatever the scheme: rules for gRPC have one of their own.
      return !(pattern.origins ?? pattern.prefixes ?? []).some(text => text.includes(`://${name}`))
    },
  }
}

const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
