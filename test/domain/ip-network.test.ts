import { isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  containsAddress,
  formatIpAddress,
  parseIpAddress,
  parseIpNetwork,
  resolveClientAddress,
  toAddressBlock,
} from '../../src/domain/ip-network.ts'
import {
  anything,
  bits4,
  bits6,
  createIpv4Value,
  createIpv6Value,
  formatIpv4Bits,
  formatIpv6Bits,
  isInNetwork,
  mappedPrefix,
  normalizeAddress,
  requireNetwork,
} from './ip-addresses.ts'

describe('an IPv4 address', () => {
  test('is read as the number that its octets make', () => {
    fc.assert(
      fc.property(bits4, (bits) => {
        expect(parseIpAddress(formatIpv4Bits(bits))).toEqual(createIpv4Value(bits))
      }),
    )
  })

  test('is written as it was read', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(normalizeAddress(text)).toBe(text)
      }),
    )
  })

  test.each(['010.0.0.1', '10.0.0.01', '00.0.0.0', '1.2.3.000'])(
    'with a zero-padded octet is refused: %s',
    (text) => expect(parseIpAddress(text)).toBeNull(),
  )

  test.each([
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '127.1',
    '127.0.1',
    '1.2.3.4.5',
    '1.2.3.4.',
  ])('in hexadecimal, short or long form is refused: %s', (text) =>
    expect(parseIpAddress(text)).toBeNull(),
  )

  test.each(['256.0.0.1', '1.2.3.-4', ' 1.2.3.4', '1.2.3.4\n', '1..2.3', '', '١.٢.٣.٤'])(
    'out of range or with foreign characters is refused: %j',
    (text) => expect(parseIpAddress(text)).toBeNull(),
  )
})

describe('an IPv6 address', () => {
  test('is read as the number that its groups make, in upper case too', () => {
    fc.assert(
      fc.property(bits6, (bits) => {
        expect(parseIpAddress(formatIpv6Bits(bits))).toEqual(createIpv6Value(bits))
        expect(parseIpAddress(formatIpv6Bits(bits).toUpperCase())).toEqual(createIpv6Value(bits))
      }),
    )
  })

  test('is written as the URL standard writes it', () => {
    fc.assert(
      fc.property(bits6, (bits) => {
        expect(`[${normalizeAddress(formatIpv6Bits(bits))}]`).toBe(
          new URL(`http://[${formatIpv6Bits(bits)}]`).hostname,
        )
      }),
    )
  })

  test.each([
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::1.2.3.4', '::102:304'],
  ])('is written in the form of RFC 5952: %s is %s', (text, expected) => {
    expect(normalizeAddress(text)).toBe(expected)
  })

  test.each(['fe80::1%eth0', 'fe80::1%1', '::1%'])('with a zone id is refused: %s', (text) => {
    expect(parseIpAddress(text)).toBeNull()
  })

  test.each([
    ':',
    ':::',
    '::::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    ':1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8:',
    '12345::',
    '::g',
    '[::1]',
    '::1.2.3',
    '::01.2.3.4',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
  ])('that is malformed is refused: %s', (text) => expect(parseIpAddress(text)).toBeNull())
})

describe('an IPv4-mapped address', () => {
  test('is the IPv4 address, however it is spelt', () => {
    fc.assert(
      fc.property(bits4, (bits) => {
        const full = formatIpv6Bits(mappedPrefix + bits)
        const spellings = [
          full,
          `::ffff:${formatIpv4Bits(bits)}`,
          `::FFFF:${formatIpv4Bits(bits)}`,
          `0:0:0:0:0:ffff:${formatIpv4Bits(bits)}`,
          `0000::0:ffff:${formatIpv4Bits(bits)}`,
          full.replace('0:0:0:0:0:', '::'),
        ]
        for (const text of spellings) expect(parseIpAddress(text)).toEqual(createIpv4Value(bits))
      }),
    )
  })

  test('differs from neighbouring addresses', () => {
    expect(parseIpAddress('::fffe:1.2.3.4')?.family).toBe(6)
    expect(parseIpAddress('::1:ffff:1.2.3.4')?.family).toBe(6)
    expect(parseIpAddress('::ffff:0:1.2.3.4')?.family).toBe(6)
  })
})

describe('parsing', () => {
  test('undoes formatting', () => {
    fc.assert(
      fc.property(fc.oneof(bits4.map(formatIpv4Bits), bits6.map(formatIpv6Bits)), (text) => {
        const address = parseIpAddress(text)
        expect(address && parseIpAddress(formatIpAddress(address))).toEqual(address)
        expect(address).not.toBeNull()
      }),
    )
  })

  test('accepts what node:net accepts, except zone ids', () => {
    fc.assert(
      fc.property(anything, (text) => {
        const accepted = isIPv4(text) || (isIPv6(text) && !text.includes('%'))
        expect(parseIpAddress(text) !== null).toBe(accepted)
      }),
      { numRuns: 5000 },
    )
  })

  test('never throws, whatever the text', () => {
    fc.assert(
      fc.property(anything, anything, fc.nat(140), (a, b, n) => {
        for (const text of [a, `${a}/${b}`, `${a}/${n}`, `${a}, ${b}`]) {
          parseIpAddress(text)
          parseIpNetwork(text)
          resolveClientAddress(text, b, [])
          resolveClientAddress('10.0.0.1', text, [requireNetwork('10.0.0.0/8')])
        }
      }),
    )
  })
})

describe('a network', () => {
  for (const { family, bits, text, width } of [
    { family: 'IPv4', bits: bits4, text: formatIpv4Bits, width: 32 },
    { family: 'IPv6', bits: bits6, text: formatIpv6Bits, width: 128 },
  ]) {
    const anyPrefix = fc.nat(width)
    const padPrefix = (base: string, prefix: number) => base.slice(0, prefix).padEnd(width, '0')

    test(`contains the ${family} addresses that share its prefix, and no others`, () => {
      fc.assert(
        fc.property(bits, bits, anyPrefix, fc.nat(width - 1), (base, other, prefix, at) => {
          const block = requireNetwork(`${text(padPrefix(base, prefix))}/${prefix}`)
          const flipped = base.slice(0, at) + (base[at] === '0' ? '1' : '0') + base.slice(at + 1)
          for (const candidate of [base, flipped, other]) {
            const address = parseIpAddress(text(candidate))
            const shares = candidate.slice(0, prefix) === base.slice(0, prefix)
            expect(address && containsAddress(block, address)).toBe(shares)
          }
        }),
      )
    })

    test(`of ${family} with bits set beyond its prefix is refused`, () => {
      fc.assert(
        fc.property(bits, anyPrefix, (base, prefix) => {
          const accepted = padPrefix(base, prefix) === base
          expect(parseIpNetwork(`${text(base)}/${prefix}`) !== null).toBe(accepted)
        }),
      )
    })

    test(`that is one ${family} address has all bits in its prefix`, () => {
      fc.assert(
        fc.property(bits, (base) => {
          expect(parseIpNetwork(text(base))).toEqual(parseIpNetwork(`${text(base)}/${width}`))
          expect(parseIpNetwork(text(base))).toEqual({
            ...parseIpAddress(text(base)),
            prefix: width,
          })
        }),
      )
    })
  }

  test('never contains an address of the other family', () => {
    expect(isInNetwork('0.0.0.0/0', '::1')).toBe(false)
    expect(isInNetwork('::/0', '0.0.0.1')).toBe(false)
  })

  test('that is mapped is the IPv4 network', () => {
    expect(parseIpNetwork('::ffff:10.0.0.0/104')).toEqual(requireNetwork('10.0.0.0/8'))
    expect(parseIpNetwork('::ffff:a00:0/104')).toEqual(requireNetwork('10.0.0.0/8'))
    expect(parseIpNetwork('::ffff:0:0/96')).toEqual(requireNetwork('0.0.0.0/0'))
    expect(parseIpNetwork('::ffff:1.2.3.4')).toEqual(requireNetwork('1.2.3.4/32'))
  })

  test('around all mapped addresses contains no IPv4 address, mapped or not', () => {
    for (const text of ['::/0', '::/64', '::/80']) {
      expect(isInNetwork(text, '::1')).toBe(true)
      expect(isInNetwork(text, '10.0.0.1')).toBe(false)
      expect(isInNetwork(text, '::ffff:10.0.0.1')).toBe(false)
    }
  })

  test('that is mapped with a prefix shorter than 96 has bits beyond it, so it is refused', () => {
    for (const prefix of [0, 80, 95]) expect(parseIpNetwork(`::ffff:0:0/${prefix}`)).toBeNull()
  })

  test.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/+8',
    '10.0.0.0/-1',
    '10.0.0.0/8.0',
    '10.0.0.0/ 8',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0/8',
    '/8',
    '',
    'fe80::%eth0/64',
  ])('that is malformed is refused: %j', (text) => expect(parseIpNetwork(text)).toBeNull())
})

describe('the address block of a caller', () => {
  const v6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n })
  const text = (bits: bigint) => formatIpAddress({ family: 6, bits })

  test('is the address itself for IPv4', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(toAddressBlock(address)).toBe(address)
      }),
    )
  })

  test('is the first 64 bits for IPv6', () => {
    fc.assert(
      fc.property(v6, v6, (one, other) => {
        const same = one >> 64n === other >> 64n
        expect(toAddressBlock(text(one)) === toAddressBlock(text(other))).toBe(same)
        const neighbour = ((one >> 64n) << 64n) | (other & (2n ** 64n - 1n))
        expect(toAddressBlock(text(neighbour))).toBe(toAddressBlock(text(one)))
      }),
    )
  })

  test('is the text itself if it is no address', () => {
    expect(toAddressBlock('unknown')).toBe('unknown')
    expect(toAddressBlock('not:an:address')).toBe('not:an:address')
  })
})
