import fc from 'fast-check'
import {
  containsAddress,
  formatIpAddress,
  type IpNetwork,
  parseIpAddress,
  parseIpNetwork,
} from '../../src/domain/ip-network.ts'

// The tests hold an address as a string of '0' and '1', and write it without the code under test.

export const mappedPrefix = '0'.repeat(80) + '1'.repeat(16)
export const bitStrings = (length: number) =>
  fc.array(fc.constantFrom('0', '1'), { minLength: length, maxLength: length })
export const bits4 = bitStrings(32).map((bits) => bits.join(''))
export const zeroOrNot = fc.oneof(
  fc.constant('0'.repeat(16)),
  bitStrings(16).map((bits) => bits.join('')),
)
export const bits6 = fc
  .array(zeroOrNot, { minLength: 8, maxLength: 8 })
  .map((groups) => groups.join(''))
  .filter((bits) => !bits.startsWith(mappedPrefix))

export const splitBits = (bits: string, size: number) =>
  Array.from({ length: bits.length / size }, (_, i) =>
    Number.parseInt(bits.slice(i * size, (i + 1) * size), 2),
  )
export const formatIpv4Bits = (bits: string) => splitBits(bits, 8).join('.')
export const formatIpv6Bits = (bits: string) =>
  splitBits(bits, 16)
    .map((group) => group.toString(16))
    .join(':')

export const createIpv4Value = (bits: string) => ({ family: 4, bits: BigInt(`0b${bits}`) })
export const createIpv6Value = (bits: string) => ({ family: 6, bits: BigInt(`0b${bits}`) })

/** Text that is an address, nearly is one, or is made of an address's characters. */
export const addressLike = fc.oneof(
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  bits6.map(formatIpv6Bits),
  bits6.map((bits) => new URL(`http://[${formatIpv6Bits(bits)}]`).hostname.slice(1, -1)),
  fc
    .tuple(
      fc.oneof(fc.ipV4(), fc.ipV6()),
      fc.nat(45),
      fc.nat(2),
      fc.constantFrom(...'0:.%fg/ \n', ''),
    )
    .map(([text, at, gone, put]) => text.slice(0, at) + put + text.slice(at + gone)),
  fc.string({ unit: fc.constantFrom(...'01f:::..'), maxLength: 24 }),
)
export const anything = fc.oneof(addressLike, fc.string(), fc.string({ unit: 'binary' }))

export function normalizeAddress(text: string): string | null {
  const address = parseIpAddress(text)
  return address && formatIpAddress(address)
}

export function requireNetwork(text: string): IpNetwork {
  const parsed = parseIpNetwork(text)
  if (parsed === null) throw new Error(`not a network: ${text}`)
  return parsed
}

export function isInNetwork(networkText: string, addressText: string): boolean {
  const address = parseIpAddress(addressText)
  if (address === null) throw new Error(`not an address: ${addressText}`)
  return containsAddress(requireNetwork(networkText), address)
}
