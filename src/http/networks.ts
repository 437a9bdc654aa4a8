/** Matches IP addresses against networks in CIDR notation. */
import { BlockList, isIP } from 'node:net'

/**
 * A predicate: whether an IP address is in one of the networks. `undefined` where an entry is
 * neither an address nor a network in CIDR notation.
 */
export function compileNetworks(entries: readonly string[]): ((address: string) => boolean) | undefined {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix, ...rest] = entry.split('/')
    const family = isIP(address)
    const bits =
      prefix === undefined ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1
    if (family === 0 || rest.length > 0 || bits < 0 || bits > (family === 4 ? 32 : 128)) return undefined
    list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  }
  return address => {
    // A dual-stack socket states IPv4 peers as ::ffff:a.b.c.d.
    const plain =
      address.toLowerCase().startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6')
  }
}
