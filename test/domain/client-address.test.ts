import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resolveClientAddress } from '../../src/domain/ip-network.ts'
import {
  anything,
  bits4,
  bits6,
  formatIpv4Bits,
  formatIpv6Bits,
  normalizeAddress,
  requireNetwork,
} from './ip-addresses.ts'

describe('the client address without a trusted proxy', () => {
  test('is the peer, whatever X-Forwarded-For claims', () => {
    const peer = fc.oneof(bits4.map(formatIpv4Bits), bits6.map(formatIpv6Bits))
    fc.assert(
      fc.property(peer, fc.option(anything, { nil: undefined }), (text, header) => {
        expect(resolveClientAddress(text, header, [])).toBe(normalizeAddress(text))
      }),
    )
    expect(resolveClientAddress('203.0.113.9', '127.0.0.1', [])).toBe('203.0.113.9')
  })

  test('is the peer if another address is trusted', () => {
    expect(resolveClientAddress('203.0.113.9', '127.0.0.1', [requireNetwork('10.0.0.0/8')])).toBe(
      '203.0.113.9',
    )
  })

  test('is canonical: a mapped peer is IPv4, an IPv6 peer is in the form of RFC 5952', () => {
    for (const trusted of [[], [requireNetwork('10.0.0.0/8')]]) {
      expect(resolveClientAddress('::ffff:203.0.113.9', undefined, trusted)).toBe('203.0.113.9')
      expect(resolveClientAddress('::FFFF:cb00:7109', undefined, trusted)).toBe('203.0.113.9')
      expect(resolveClientAddress('2001:DB8:0:0::1', undefined, trusted)).toBe('2001:db8::1')
    }
  })

  test('is unknown where the peer is no address', () => {
    for (const trusted of [[], [requireNetwork('0.0.0.0/0'), requireNetwork('::/0')]]) {
      for (const peer of ['', 'unix:', '010.0.0.1', '::ffff:010.0.0.1', '1.2.3.4:5']) {
        expect(resolveClientAddress(peer, '10.0.0.1', trusted)).toBe('unknown')
      }
    }
  })
})

describe('the client address behind trusted proxies', () => {
  const trusted = [requireNetwork('10.0.0.0/8'), requireNetwork('fd00::/8')]
  const findClientAddress = (header: string | undefined) =>
    resolveClientAddress('10.0.0.1', header, trusted)

  test('is the first hop from the right that is not trusted', () => {
    expect(findClientAddress('203.0.113.9')).toBe('203.0.113.9')
    expect(findClientAddress('203.0.113.9, 10.0.0.2')).toBe('203.0.113.9')
    expect(findClientAddress('203.0.113.9,fd00::2 ,\t10.0.0.2')).toBe('203.0.113.9')
    expect(findClientAddress('2001:DB8:0::1, ::ffff:10.0.0.2')).toBe('2001:db8::1')
  })

  test('is never what the client wrote in front of its own hop', () => {
    const client = bits4.map(formatIpv4Bits).filter((text) => !text.startsWith('10.'))
    const proxies = fc.array(
      fc.constantFrom('10.0.0.2', '::ffff:10.1.2.3', 'fd00::7', '10.9.9.9:80'),
    )
    fc.assert(
      fc.property(anything, client, proxies, (forged, real, hops) => {
        expect(findClientAddress([forged, real, ...hops].join(', '))).toBe(real)
      }),
    )
  })

  test('is the left-most hop where all are trusted', () => {
    expect(findClientAddress('10.3.0.1, 10.2.0.1')).toBe('10.3.0.1')
  })

  test('is the peer where there is no header', () => {
    expect(findClientAddress(undefined)).toBe('10.0.0.1')
    expect(findClientAddress('')).toBe('10.0.0.1')
  })

  test('is the last trusted hop where the next is no address', () => {
    expect(findClientAddress('203.0.113.9, unknown')).toBe('10.0.0.1')
    expect(findClientAddress('203.0.113.9, unknown, 10.0.0.2')).toBe('10.0.0.2')
    expect(findClientAddress('203.0.113.9, , 10.0.0.2')).toBe('10.0.0.2')
    expect(findClientAddress('203.0.113.9, 010.0.0.3, 10.0.0.2')).toBe('10.0.0.2')
  })

  test('is the hop without its port', () => {
    expect(findClientAddress('203.0.113.9:567')).toBe('203.0.113.9')
    expect(findClientAddress('[2001:db8::1]:567, 10.0.0.2:80')).toBe('2001:db8::1')
    expect(findClientAddress('203.0.113.9, [fd00::2]:443')).toBe('203.0.113.9')
    expect(findClientAddress('[2001:db8::1]')).toBe('2001:db8::1')
    expect(findClientAddress('2001:db8::1:567')).toBe('2001:db8::1:567')
  })

  test.each([
    '203.0.113.9:',
    '203.0.113.9:x',
    '[203.0.113.9]:1',
    '[::1',
    '::1]:1',
    '[::1]x',
    '[::1]:',
  ])('is not taken from a hop with a malformed port or bracket: %s', (hop) =>
    expect(findClientAddress(hop)).toBe('10.0.0.1'),
  )

  test('is a canonical address, whatever the header says', () => {
    const headers = fc.array(anything).map((hops) => hops.join(','))
    fc.assert(
      fc.property(headers, (header) => {
        const answer = findClientAddress(header)
        expect(normalizeAddress(answer)).toBe(answer)
      }),
    )
  })
})
