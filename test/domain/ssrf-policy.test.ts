import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseIpAddress, parseKnownNetworks } from '../../src/domain/ip-network.ts'
import { isAllowedDestination, isAllowedScheme } from '../../src/domain/ssrf-policy.ts'

/*
 * Judged against a table of its own: the first and the last address of every block, written out from
 * the registries of IANA (iana-ipv4-special-registry, iana-ipv6-special-registry), as plain numbers.
 */

const parseIpv4Number = (text: string) =>
  text.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)

const BLOCKS_V4 = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['224.0.0.0', '255.255.255.255'],
].map(([first = '', last = '']) => [parseIpv4Number(first), parseIpv4Number(last)] as const)

const isBlocked = (number: number) =>
  BLOCKS_V4.some(([first, last]) => number >= first && number <= last)

const formatIpv4 = (number: number) =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')

/** Any address, and often one at an edge of a block or next to it. */
const anyV4 = fc.oneof(
  fc.nat(0xffffffff),
  fc
    .tuple(fc.constantFrom(...BLOCKS_V4.flat()), fc.integer({ min: -2, max: 2 }))
    .map(([edge, off]) => Math.min(Math.max(edge + off, 0), 0xffffffff)),
)

/** The four digits of a group, and the two groups of an IPv4 address. */
const formatHex = (number: number) => number.toString(16).padStart(4, '0')
const formatIpv6Tail = (number: number) =>
  `${formatHex(Math.floor(number / 65536))}:${formatHex(number % 65536)}`

const isReachable = (text: string, allowed: readonly string[] = []) =>
  isAllowedDestination(parseIpAddress(text), parseKnownNetworks(allowed))

describe('an address of IPv4', () => {
  test('is reached exactly where no block of the registry holds it', () => {
    fc.assert(
      fc.property(anyV4, (number) => {
        expect(isReachable(formatIpv4(number)), formatIpv4(number)).toBe(!isBlocked(number))
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['mapped', (number: number) => `::ffff:${formatIpv6Tail(number)}`],
    ['mapped, in dots', (number: number) => `::ffff:${formatIpv4(number)}`],
    ['behind NAT64', (number: number) => `64:ff9b::${formatIpv6Tail(number)}`],
    ['behind NAT64, in dots', (number: number) => `64:ff9b::${formatIpv4(number)}`],
    ['in 6to4', (number: number) => `2002:${formatIpv6Tail(number)}::1`],
    ['in 6to4, in a subnet', (number: number) => `2002:${formatIpv6Tail(number)}:7:a:b:c:d`],
  ])('%s is no more public than it is by itself', (_, write) => {
    fc.assert(
      fc.property(anyV4, (number) => {
        const text = write(number)
        expect(isIPv6(text), text).toBe(true)
        expect(isReachable(text), text).toBe(!isBlocked(number))
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    ['compatible (deprecated)', (number: number) => `::${formatIpv6Tail(number)}`],
    ['translated (RFC 2765)', (number: number) => `::ffff:0:${formatIpv6Tail(number)}`],
    [
      'behind a NAT64 of one’s own (RFC 8215)',
      (number: number) => `64:ff9b:1::${formatIpv6Tail(number)}`,
    ],
    ['in Teredo', (number: number) => `2001:0:${formatIpv6Tail(number)}::1`],
  ])('%s is never reached', (_, write) => {
    fc.assert(
      fc.property(anyV4, (number) => {
        expect(isReachable(write(number)), write(number)).toBe(false)
      }),
    )
  })
})

describe('an address of IPv6', () => {
  /** Exceptions to 2000::/3, the public unicast range (IANA special-purpose registry). */
  const isSpecialPurpose = (first: number, second: number) =>
    (first === 0x2001 && (second < 0x200 || second === 0xdb8)) ||
    (first === 0x3fff && second < 0x1000)

  const group = fc.nat(0xffff)
  const head = fc.oneof(group, fc.constantFrom(0x2001, 0x3fff, 0x1fff, 0x2000, 0x4000, 0xfe80))
  const next = fc.oneof(group, fc.constantFrom(0, 0x1ff, 0x200, 0xdb7, 0xdb8, 0xdb9, 0xfff, 0x1000))

  test('is reached exactly where it is global unicast and of no special block', () => {
    fc.assert(
      fc.property(head, next, fc.array(group, { minLength: 6, maxLength: 6 }), (a, b, rest) => {
        fc.pre(a !== 0x2002 && a !== 0x64)
        const text = [a, b, ...rest].map(formatHex).join(':')
        const isGlobal = a >= 0x2000 && a <= 0x3fff && !isSpecialPurpose(a, b)
        expect(isReachable(text), text).toBe(isGlobal)
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    '::',
    '::1',
    'fc00::1',
    'fdff:ffff::1',
    'fe80::1',
    'febf::1',
    'fec0::1',
    'ff02::1',
    '100::1',
    '5f00::1',
  ])('%s is not reached', (text) => {
    expect(isReachable(text)).toBe(false)
  })

  test.each(['2606:4700:4700::1111', '2a00:1450:4001::200e', '2001:4860:4860::8888'])(
    '%s is reached',
    (text) => {
      expect(isReachable(text)).toBe(true)
    },
  )
})

describe('what the operator allows', () => {
  test('is reached, and its neighbours are not', () => {
    const allowed = ['10.1.0.0/16', 'fd00:1::/32', '::1']
    for (const text of ['10.1.0.0', '10.1.255.255', '::ffff:10.1.2.3', 'fd00:1::5', '::1']) {
      expect(isReachable(text, allowed), text).toBe(true)
    }
    for (const text of ['10.0.255.255', '10.2.0.0', '127.0.0.1', 'fd00:2::5', '::']) {
      expect(isReachable(text, allowed), text).toBe(false)
    }
  })

  test('takes nothing from the Internet', () => {
    expect(isReachable('1.1.1.1', ['10.0.0.0/8'])).toBe(true)
  })

  test('is meant as it is written: what a gateway makes of an address is another', () => {
    expect(isReachable('64:ff9b::10.1.2.3', ['10.0.0.0/8'])).toBe(false)
    expect(isReachable('2002:a01:203::1', ['10.0.0.0/8'])).toBe(false)
    expect(isReachable('64:ff9b::10.1.2.3', ['64:ff9b::/96'])).toBe(true)
  })
})

test('an address that cannot be read is not reached, whatever is allowed', () => {
  for (const text of ['fe80::1%eth0', '::1%lo', '127.1', '0177.0.0.1', 'localhost', '']) {
    expect(isReachable(text, ['0.0.0.0/0', '::/0']), text).toBe(false)
  }
})

test('plain http is accepted in development only, and other schemes never', () => {
  expect(isAllowedScheme('https:', false)).toBe(true)
  expect(isAllowedScheme('https:', true)).toBe(true)
  expect(isAllowedScheme('http:', true)).toBe(true)
  expect(isAllowedScheme('http:', false)).toBe(false)
  for (const protocol of ['ftp:', 'file:', 'ws:', 'data:', 'HTTP:', '']) {
    expect(isAllowedScheme(protocol, true), protocol).toBe(false)
  }
})
