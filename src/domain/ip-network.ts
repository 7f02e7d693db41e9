/**
 * An IP address as a number of 32 bits (family 4) or 128 bits (family 6). IPv4-mapped IPv6
 * (RFC 4291 §2.5.5.2) is always held as IPv4, so that one host has one value.
 */
export interface IpAddress {
  readonly family: 4 | 6
  readonly bits: bigint
}

/** A block of addresses (RFC 4632 §3.1): its first address and the length of its prefix in bits. */
export interface IpNetwork extends IpAddress {
  readonly prefix: number
}

/** Reads strict dotted decimal, or IPv6 text (RFC 4291 §2.2) without a zone id; null otherwise. */
export function parseIpAddress(text: string): IpAddress | null {
  const literal = parseLiteral(text)
  return literal && unmapAddress(literal)
}

/** Writes the canonical text: dotted decimal, or RFC 5952 §4. */
export function formatIpAddress({ family, bits }: IpAddress): string {
  return family === 4 ? formatIPv4(Number(bits)) : formatIPv6(bits)
}

/**
 * Parses an address or CIDR. Returns null if it is neither, or if bits are set beyond its prefix,
 * which is usually a typing error. `::ffff:10.0.0.0/104` is `10.0.0.0/8`. An IPv6 network around all
 * mapped addresses, such as `::/0`, stays IPv6 and contains no IPv4 address.
 */
export function parseIpNetwork(text: string): IpNetwork | null {
  const [addressText = '', prefixText, ...more] = text.split('/')
  const literal = parseLiteral(addressText)
  if (literal === null || more.length > 0) return null
  if (prefixText !== undefined && !PREFIX_LENGTH_PATTERN.test(prefixText)) return null

  const hostBits = getAddressBits(literal) - Number(prefixText ?? getAddressBits(literal))
  if (hostBits < 0 || BigInt.asUintN(hostBits, literal.bits) !== 0n) return null

  // A mapped network with zero host bits has at most 32 host bits, because its prefix extends
  // beyond `ffff`.
  const first = unmapAddress(literal)
  return { ...first, prefix: getAddressBits(first) - hostBits }
}

/** True if the network contains the address. A network contains no address of the other family. */
export function containsAddress(network: IpNetwork, address: IpAddress): boolean {
  const hostBits = BigInt(getAddressBits(network) - network.prefix)
  return network.family === address.family && network.bits >> hostBits === address.bits >> hostBits
}

/** True for a loopback host name or address. */
export const isLoopbackHost = (host: string): boolean =>
  /^(localhost|.+\.localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(host)

/** True for a loopback, private or link-local address (RFC 1122 §3.2.1.3, 1918, 3927, 4193, 4291 §2.5). */
export const isPrivateAddress = (address: IpAddress): boolean =>
  isInNetworks(PRIVATE_NETWORKS, address)

/**
 * Resolves the client's canonical address. Reads X-Forwarded-For only from a trusted peer: from the
 * right, through trusted hops, to the first untrusted hop, or to the last trusted hop if the rest is
 * missing or not an address. Returns `unknown` if the peer is not an address.
 */
export function resolveClientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusted: readonly IpNetwork[],
): string {
  if (trusted.length === 0) {
    const unmapped = peer.startsWith('::ffff:') ? peer.slice('::ffff:'.length) : peer
    if (IPV4_PATTERN.test(unmapped)) return unmapped // the common case: strict dotted decimal is canonical
  }

  let client = parseIpAddress(peer)
  if (client === null) return 'unknown'

  const hops = forwardedFor?.split(',') ?? []
  while (isInNetworks(trusted, client)) {
    const hop = parseHop(hops.pop() ?? '')
    if (hop === null) break
    client = hop
  }
  return formatIpAddress(client)
}

/** True if one of the networks contains the address. */
export function isInNetworks(networks: readonly IpNetwork[], address: IpAddress): boolean {
  return networks.some((network) => containsAddress(network, address))
}

/** True if one of the written networks contains the address. */
export function isInNetworkTexts(networks: readonly string[], address: string): boolean {
  const parsed = parseIpAddress(address)
  return parsed !== null && isInNetworks(parseKnownNetworks(networks), parsed)
}

/** Parses a hop. Some proxies add the port: `1.2.3.4:567`, `[::1]:567`. */
function parseHop(text: string): IpAddress | null {
  const hop = text.trim()
  return parseIpAddress(
    BRACKETED_IPV6_PATTERN.exec(hop)?.[1] ?? IPV4_WITH_PORT_PATTERN.exec(hop)?.[1] ?? hop,
  )
}

function getAddressBits({ family }: IpAddress): 32 | 128 {
  return family === 4 ? 32 : 128
}

function unmapAddress(address: IpAddress): IpAddress {
  const isMapped = address.family === 6 && address.bits >> 32n === 0xffffn
  return isMapped ? { family: 4, bits: BigInt.asUintN(32, address.bits) } : address
}

/** Parses an address without unmapping it: a mapped address stays IPv6. */
function parseLiteral(text: string): IpAddress | null {
  if (text.includes(':')) {
    const bits = parseIPv6(text)
    return bits === null ? null : { family: 6, bits }
  }
  const number = parseIPv4(text)
  return number === null ? null : { family: 4, bits: BigInt(number) }
}

/** Rejects octets with a leading zero, because other parsers read `010` as 8 (RFC 3986 §3.2.2). */
function parseIPv4(text: string): number | null {
  if (!IPV4_PATTERN.test(text)) return null
  return text.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)
}

function parseIPv6(text: string): bigint | null {
  const hex = replaceIPv4Tail(text)
  if (hex === null) return null

  const [before = '', after, ...more] = hex.split('::')
  if (more.length > 0) return null
  const left = before === '' ? [] : before.split(':')
  const right = after === undefined || after === '' ? [] : after.split(':')

  // `::` replaces one or more groups of zeros. Without it, all eight groups are present.
  const missing = 8 - left.length - right.length
  if (after === undefined ? missing !== 0 : missing < 1) return null

  const groups = [...left, ...Array<string>(missing).fill('0'), ...right]
  if (!groups.every((group) => HEX_GROUP_PATTERN.test(group))) return null
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`)
}

/** Converts `::ffff:1.2.3.4` to `::ffff:102:304` (RFC 4291 §2.2, form 3); null if the tail is not IPv4. */
function replaceIPv4Tail(text: string): string | null {
  if (!text.includes('.')) return text
  const start = text.lastIndexOf(':') + 1
  const number = parseIPv4(text.slice(start))
  if (number === null) return null
  return `${text.slice(0, start)}${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`
}

function formatIPv4(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.')
}

/** Replaces the first of the longest runs of two or more zero groups with `::` (RFC 5952 §4.2). */
function formatIPv6(bits: bigint): string {
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) =>
    BigInt.asUintN(16, bits >> shift).toString(16),
  )
  let run = 0
  let longest = 1
  let start = 0
  for (const [index, group] of groups.entries()) {
    run = group === '0' ? run + 1 : 0
    if (run > longest) {
      longest = run
      start = index + 1 - run
    }
  }
  if (longest === 1) return groups.join(':')
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + longest).join(':')}`
}

const IPV4_PATTERN = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const HEX_GROUP_PATTERN = /^[0-9a-f]{1,4}$/i
const PREFIX_LENGTH_PATTERN = /^(?:0|[1-9]\d{0,2})$/
const BRACKETED_IPV6_PATTERN = /^\[([^\]]*:[^\]]*)\](?::\d{1,5})?$/
const IPV4_WITH_PORT_PATTERN = /^([^:]*):\d{1,5}$/

/**
 * Returns the block that limits count as one party: an IPv4 address, or an IPv6 /64 (RFC 6177), whose
 * 2^64 addresses would otherwise have a limit each. Takes canonical text.
 */
export function toAddressBlock(address: string): string {
  if (!address.includes(':')) return address
  const parsed = parseIpAddress(address)
  return parsed === null
    ? address
    : formatIpAddress({ ...parsed, bits: (parsed.bits >> 64n) << 64n })
}

/** Parses networks that are constants of the code, and therefore valid. */
export function parseKnownNetworks(texts: readonly string[]): IpNetwork[] {
  return texts.flatMap((text) => parseIpNetwork(text) ?? [])
}

const PRIVATE_NETWORKS = parseKnownNetworks([
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
])
