/** The part of a client's address by which limits are applied. */

/** IPv4 addresses count one by one. IPv6 addresses count by their /64, the usual size of one customer network. */
export function addressBlock(address: string): string {
  return ipv4Of(address) ?? ipv6Prefix(address, 4)
}

/** The first groups of an IPv6 address, each of 16 bits. Any other text stays as it is. */
function ipv6Prefix(address: string, count: number): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head.split(':')
  if (tail !== undefined) {
    const rest = tail.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return groups.slice(0, count).join(':')
}

/**
 * The /24 of an IPv4 address or the /48 of an IPv6 address, because one customer easily gets a /48: by its /64 alone, a
 * single host would be 65,536 networks. Any other text is a network of its own.
 */
export function networkOf(address: string): string {
  const ipv4 = ipv4Of(address)
  return ipv4 === undefined ? ipv6Prefix(address, 3) : `${ipv4.slice(0, ipv4.lastIndexOf('.'))}.0/24`
}

/** An IPv4 address, which may be in IPv6 form (`::ffff:192.0.2.1`). */
function ipv4Of(address: string): string | undefined {
  return address.includes('.') ? address.slice(address.lastIndexOf(':') + 1) : undefined
}
