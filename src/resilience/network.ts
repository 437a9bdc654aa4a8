/** The part of a client's address by which limits are applied. */

/** IPv4 addresses count one by one. IPv6 addresses count by their /64, the usual size of one customer network. */
export function addressBlock(address: string): string {
  const ipv4 = ipv4Of(address)
  if (ipv4 !== undefined || !address.includes(':')) return ipv4 ?? address
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head.split(':')
  if (tail !== undefined) {
    const rest = tail.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return groups.slice(0, 4).join(':')
}

/** The /24 of an IPv4 address or the /64 of an IPv6 address. Any other text is a network of its own. */
export function networkOf(address: string): string {
  const ipv4 = ipv4Of(address)
  return ipv4 === undefined ? addressBlock(address) : `${ipv4.slice(0, ipv4.lastIndexOf('.'))}.0/24`
}

/** An IPv4 address, which may be in IPv6 form (`::ffff:192.0.2.1`). */
function ipv4Of(address: string): string | undefined {
  return address.includes('.') ? address.slice(address.lastIndexOf(':') + 1) : undefined
}
