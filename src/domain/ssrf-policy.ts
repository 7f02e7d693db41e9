import { type IpAddress, type IpNetwork, isInNetworks, parseKnownNetworks } from './ip-network.ts'

/*
 * Limits the addresses that the server sends to on behalf of others: the public Internet, and the
 * networks that the operator allows. A name that resolves to the server's own network would give
 * access to it (server-side request forgery).
 */

/** True if a destination may have this address. Null stands for an address that cannot be parsed. */
export function isAllowedDestination(
  address: IpAddress | null,
  allowed: readonly IpNetwork[],
): boolean {
  if (address === null) return false
  return isInNetworks(allowed, address) || isPublicAddress(address)
}

/**
 * True if a destination may be reached over this scheme. Payloads are health data, so plain http is
 * for development only.
 */
export function isAllowedScheme(protocol: string, development: boolean): boolean {
  return protocol === 'https:' || (protocol === 'http:' && development)
}

/** An address that embeds an IPv4 address is public only if the embedded address is. */
function isPublicAddress(address: IpAddress): boolean {
  const embedded = findEmbeddedIpv4(address)
  if (embedded !== null) return isPublicAddress(embedded)
  return (
    !isInNetworks(SPECIAL_NETWORKS, address) &&
    (address.family === 4 || isInNetworks(GLOBAL_UNICAST_NETWORKS, address))
  )
}

/**
 * Finds an embedded IPv4 address: the last 32 bits of NAT64 (RFC 6052 §2.1), or the 32 bits after the
 * first 16 of 6to4 (RFC 3056 §2).
 */
function findEmbeddedIpv4(address: IpAddress): IpAddress | null {
  if (isInNetworks(NAT64_NETWORKS, address))
    return { family: 4, bits: BigInt.asUintN(32, address.bits) }
  if (isInNetworks(SIX_TO_FOUR_NETWORKS, address)) {
    return { family: 4, bits: BigInt.asUintN(32, address.bits >> 80n) }
  }
  return null
}

const NAT64_NETWORKS = parseKnownNetworks(['64:ff9b::/96'])
const SIX_TO_FOUR_NETWORKS = parseKnownNetworks(['2002::/16'])
/**
 * Global unicast (RFC 4291 §2.4), the only public part of IPv6: no loopback, local, multicast or
 * unspecified address.
 */
const GLOBAL_UNICAST_NETWORKS = parseKnownNetworks(['2000::/3'])

/** Special-purpose networks within the public ranges (RFC 6890 and its IANA registries). */
const SPECIAL_NETWORKS = parseKnownNetworks([
  '0.0.0.0/8', // this network, the unspecified address
  '10.0.0.0/8', // private use
  '100.64.0.0/10', // shared behind carriers' NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local; where clouds tell a machine its credentials
  '172.16.0.0/12', // private use
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // relays of 6to4, deprecated
  '192.168.0.0/16', // private use
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
  '2001::/23', // protocol assignments, Teredo
  '2001:db8::/32', // documentation
  '3fff::/20', // documentation
])
