import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createXdentHeaders, type OwnerKey, seedOwnerKey } from '../support/key-seeds.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'

const PLENTY = { LATCHKEY_QUOTA_REQUESTS: '1000000', LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }
const PROXY = '192.0.2.1'

/** Trusts no proxy, which is the default. */
let server: TestServer
/** Trusts the proxies in front of it. */
let serverBehindProxy: TestServer
beforeAll(async () => {
  server = await createTestServer(PLENTY)
  serverBehindProxy = await createTestServer({
    ...PLENTY,
    LATCHKEY_TRUSTED_PROXIES: `${PROXY},2001:db8:ffff::/48`,
  })
})
afterAll(async () => {
  await server.close()
  await serverBehindProxy.close()
})

/** A company that enforces this list. */
async function seedCompany(networks: readonly string[], at = server): Promise<OwnerKey> {
  const ownerKey = await seedOwnerKey(at, 'xdent')
  const { accountId } = ownerKey
  for (const network of networks) unwrap(await at.ipAllowlist.add({ accountId, network }))
  unwrap(await at.ipAllowlist.setEnforced(accountId, true))
  return ownerKey
}

/** `address` is the peer of the connection; `forwarded` is the X-Forwarded-For header. */
async function requestFrom(
  { publicId, secret }: OwnerKey,
  address: string,
  { at = server, forwarded }: { at?: TestServer; forwarded?: string } = {},
): Promise<number> {
  const headers = {
    ...createXdentHeaders(publicId, secret),
    ...(forwarded !== undefined && { 'X-Forwarded-For': forwarded }),
  }
  return (await at.call('/api/v1/Identity', { method: 'GET', headers, address })).status
}

describe('the IP allowlist', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7', 200],
    ['203.0.113.7', '203.0.113.8', 403],
    ['203.0.113.7', '::ffff:203.0.113.7', 200],
    ['203.0.113.7', '::FFFF:203.0.113.7', 200],
    ['203.0.113.7', '::ffff:cb00:7107', 200],
    ['203.0.113.7', '::203.0.113.7', 403],
    ['::ffff:10.0.0.1', '10.0.0.1', 200],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1', 200],
    ['::ffff:10.0.0.0/104', '10.255.255.255', 200],
    ['::ffff:10.0.0.0/104', '11.0.0.0', 403],
    ['10.0.0.0/8', '10.255.255.255', 200],
    ['10.0.0.0/8', '11.0.0.0', 403],
    ['10.0.0.0/31', '10.0.0.1', 200],
    ['10.0.0.0/31', '10.0.0.2', 403],
    ['0.0.0.0/0', '198.51.100.1', 200],
    ['0.0.0.0/0', '::ffff:198.51.100.1', 200],
    ['0.0.0.0/0', '2001:db8::1', 403],
    ['::/0', '2001:db8::1', 200],
    ['::/0', '198.51.100.1', 403],
    ['::/0', '::ffff:198.51.100.1', 403],
    ['2001:db8::1', '2001:db8::1', 200],
    ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', 200],
    ['2001:db8::1', '2001:db8::2', 403],
    ['2001:db8::/32', '2001:db8:ffff::', 200],
    ['2001:db8::/32', '2001:db9::', 403],
    ['2001:db8::/127', '2001:db8::1', 200],
    ['2001:db8::/127', '2001:db8::2', 403],
    ['fe80::/10', 'fe80::1', 200],
    // A zone (RFC 4007) has a meaning on one machine only, so an address with one matches no network.
    ['fe80::/10', 'fe80::1%eth0', 403],
    ['fe80::/10', 'fe80::1%25eth0', 403],
    ['0.0.0.0/0', '', 403],
    ['0.0.0.0/0', 'unknown', 403],
  ])('with the network %s answers a caller from %s with %d', async (network, address, status) => {
    expect(await requestFrom(await seedCompany([network]), address)).toBe(status)
  })

  test.each([
    '10.0.0.01',
    '010.0.0.1',
    '10.0.0.000',
    '10.1',
    '167772161',
    '0x0a000001',
    '10.0.0.1/33',
    '10.0.0.1/08',
    '10.0.0.1/8',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.256',
    '10.0.0.*',
    '10.0.0.1-10.0.0.9',
    'fe80::1%eth0',
    '2001:db8::1/64',
    '2001:db8::1::',
    '[2001:db8::1]',
    '2001:db8::/129',
    'example.org',
    '',
  ])('refuses %j as a network, and explains the form', async (network) => {
    const { accountId } = await seedOwnerKey(server, 'xdent')
    expect(await server.ipAllowlist.add({ accountId, network })).toEqual({
      ok: false,
      failure: {
        problem: 'invalid',
        field: 'network',
        message:
          `${JSON.stringify(network)} is not an address or a network: use 203.0.113.7, ` +
          '203.0.113.0/24 or 2001:db8::/32, without bits set beyond the prefix',
      },
    })
    expect(await server.ipAllowlist.list(accountId)).toEqual([])
  })

  test('admits a caller that matches any of its networks', async () => {
    const ownerKey = await seedCompany(['203.0.113.7', '198.51.100.0/24', '2001:db8::/32'])
    for (const [address, status] of [
      ['203.0.113.7', 200],
      ['198.51.100.200', 200],
      ['2001:db8::5', 200],
      ['203.0.113.6', 403],
    ] as const) {
      expect([address, await requestFrom(ownerKey, address)]).toEqual([address, status])
    }
  })

  test('applies to every key of the company, and to no other company', async () => {
    const ownerKey = await seedCompany(['203.0.113.7'])
    const sibling = await seedOwnerKey(server, 'xdent', { accountId: ownerKey.accountId })
    const stranger = await seedOwnerKey(server, 'xdent')
    expect(await requestFrom(sibling, '198.51.100.1')).toBe(403)
    expect(await requestFrom(stranger, '198.51.100.1')).toBe(200)
  })

  test('takes effect at the next request: each network, its removal, and the enforcement switch', async () => {
    const { ipAllowlist } = server
    const ownerKey = await seedOwnerKey(server, 'xdent')
    const { accountId } = ownerKey
    const requestFromElsewhere = () => requestFrom(ownerKey, '198.51.100.1')
    expect(await requestFromElsewhere()).toBe(200)

    // An empty list enforces nothing, and neither does a list that is not switched on.
    unwrap(await ipAllowlist.setEnforced(accountId, true))
    expect(await requestFromElsewhere()).toBe(200)
    unwrap(await ipAllowlist.setEnforced(accountId, false))
    const rule = unwrap(await ipAllowlist.add({ accountId, network: '203.0.113.7' }))
    expect(await requestFromElsewhere()).toBe(200)

    unwrap(await ipAllowlist.setEnforced(accountId, true))
    expect(await requestFromElsewhere()).toBe(403)
    const second = unwrap(await ipAllowlist.add({ accountId, network: '198.51.100.1' }))
    expect(await requestFromElsewhere()).toBe(200)
    unwrap(await ipAllowlist.delete(second.id))
    expect(await requestFromElsewhere()).toBe(403)
    unwrap(await ipAllowlist.setEnforced(accountId, false))
    expect(await requestFromElsewhere()).toBe(200)
    unwrap(await ipAllowlist.setEnforced(accountId, true))
    expect(await requestFromElsewhere()).toBe(403)
    unwrap(await ipAllowlist.delete(rule.id))
    expect(await requestFromElsewhere()).toBe(200)
  })
})

describe('X-Forwarded-For', () => {
  const LISTED = '203.0.113.7'
  const ELSEWHERE = '198.51.100.1'

  test.each([LISTED, `${LISTED}, ${LISTED}`, `[${LISTED}]`, `${LISTED}:443`])(
    'is ignored without a trusted proxy: %s',
    async (forwarded) => {
      const ownerKey = await seedCompany([LISTED])
      expect(await requestFrom(ownerKey, ELSEWHERE, { forwarded })).toBe(403)
      expect(await requestFrom(ownerKey, LISTED, { forwarded: ELSEWHERE })).toBe(200)
    },
  )

  test.each([
    // The address appended by the trusted proxy counts, not those the caller wrote before it.
    [PROXY, LISTED, 200],
    [PROXY, ELSEWHERE, 403],
    [PROXY, `${LISTED}, ${ELSEWHERE}`, 403],
    [PROXY, `${ELSEWHERE}, ${LISTED}`, 200],
    [PROXY, `${ELSEWHERE}, ${LISTED}, ${PROXY}`, 200],
    [PROXY, `${LISTED}, ${ELSEWHERE}, ${PROXY}`, 403],
    [PROXY, `${LISTED}, ${ELSEWHERE}, 2001:db8:ffff::9`, 403],
    [`::ffff:${PROXY}`, LISTED, 200],
    ['2001:db8:ffff::9', `${LISTED}:5000`, 200],
    ['2001:db8:ffff::9', `::ffff:${LISTED}`, 200],
    // An entry that is no address is not trusted, and neither is any entry to the left of it.
    [PROXY, '203.0.113.007', 403],
    [PROXY, `${LISTED}, 203.0.113.007`, 403],
    [PROXY, `${LISTED},`, 403],
    [PROXY, 'unknown', 403],
    [PROXY, '', 403],
    // An address that is not a trusted proxy cannot claim to be one.
    [ELSEWHERE, LISTED, 403],
    [ELSEWHERE, `${LISTED}, ${PROXY}`, 403],
    [LISTED, ELSEWHERE, 200],
    [`${PROXY}%eth0`, LISTED, 403],
  ])(
    'sent from %s as %j to a server with trusted proxies is answered with %d',
    async (address, forwarded, status) => {
      const ownerKey = await seedCompany([LISTED], serverBehindProxy)
      expect(await requestFrom(ownerKey, address, { at: serverBehindProxy, forwarded })).toBe(
        status,
      )
    },
  )

  test('may be absent behind a trusted proxy, and the address of the proxy counts then', async () => {
    expect(
      await requestFrom(await seedCompany([PROXY], serverBehindProxy), PROXY, {
        at: serverBehindProxy,
      }),
    ).toBe(200)
    expect(
      await requestFrom(await seedCompany([LISTED], serverBehindProxy), PROXY, {
        at: serverBehindProxy,
      }),
    ).toBe(403)
  })

  test('is the only forwarding header that is read', async () => {
    const { publicId, secret } = await seedCompany([LISTED], serverBehindProxy)
    for (const name of ['Forwarded', 'X-Real-IP', 'X-Client-IP', 'CF-Connecting-IP', 'Via']) {
      const value = name === 'Forwarded' ? `for=${LISTED}` : LISTED
      const headers = { ...createXdentHeaders(publicId, secret), [name]: value }
      const init = { method: 'GET', headers, address: PROXY }
      expect([name, (await serverBehindProxy.call('/api/v1/Identity', init)).status]).toEqual([
        name,
        403,
      ])
    }
  })
})

/** The oracle holds an address as a string of `0` and `1`, and writes it without the code under test. */
interface Bits {
  readonly family: 4 | 6
  readonly bits: string
}

const formatIpv4Bits = (bits: string) =>
  (bits.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)).join('.')
const formatIpv6Bits = (bits: string) =>
  (bits.match(/.{16}/g) ?? []).map((group) => Number.parseInt(group, 2).toString(16)).join(':')
const formatNetwork = ({ family, bits }: Bits, mapped: boolean) =>
  family === 6 ? formatIpv6Bits(bits) : `${mapped ? '::ffff:' : ''}${formatIpv4Bits(bits)}`

const isInAllowlist = (rules: readonly (Bits & { prefix: number })[], { family, bits }: Bits) =>
  rules.some((rule) => rule.family === family && bits.startsWith(rule.bits.slice(0, rule.prefix)))

const bitStrings = (length: number) =>
  fc
    .array(fc.constantFrom('0', '1'), { minLength: length, maxLength: length })
    .map((some) => some.join(''))
const someAddress: fc.Arbitrary<Bits> = fc.oneof(
  bitStrings(32).map((bits): Bits => ({ family: 4, bits })),
  bitStrings(128)
    .map((bits): Bits => ({ family: 6, bits }))
    .filter(({ bits }) => !bits.startsWith('0'.repeat(80))),
)
const someRule = fc.tuple(someAddress, fc.nat(128)).map(([{ family, bits }, wide]) => {
  const prefix = family === 4 ? wide % 33 : wide
  return { family, prefix, bits: bits.slice(0, prefix).padEnd(bits.length, '0') }
})
/** Flips one bit of a rule's network, so that callers lie just inside or outside of it. */
const flipBit = ({ family, bits }: Bits, at: number): Bits => {
  const n = at % bits.length
  return { family, bits: bits.slice(0, n) + (bits[n] === '0' ? '1' : '0') + bits.slice(n + 1) }
}

test('the IP allowlist admits exactly the callers that a bit-by-bit comparison admits', async () => {
  let verdicts = { in: 0, out: 0 }
  const list = fc.uniqueArray(someRule, {
    minLength: 1,
    maxLength: 4,
    selector: ({ family, bits, prefix }) => `${family} ${bits}/${prefix}`,
  })
  const callers = fc.array(
    fc.record({ anywhere: someAddress, beside: fc.nat(3), at: fc.nat(127), mapped: fc.boolean() }),
    { minLength: 1, maxLength: 8 },
  )
  await fc.assert(
    fc.asyncProperty(list, callers, async (rules, calls) => {
      const ownerKey = await seedCompany(
        rules.map((rule) => `${formatNetwork(rule, false)}/${rule.prefix}`),
      )
      for (const { anywhere, beside, at, mapped } of calls) {
        const rule = rules[beside]
        const caller = rule === undefined ? anywhere : flipBit(rule, at)
        const listed = isInAllowlist(rules, caller)
        verdicts = listed
          ? { ...verdicts, in: verdicts.in + 1 }
          : { ...verdicts, out: verdicts.out + 1 }
        const address = formatNetwork(caller, mapped)
        expect([address, await requestFrom(ownerKey, address)]).toEqual([
          address,
          listed ? 200 : 403,
        ])
      }
    }),
    { numRuns: 100 },
  )
  // Both kinds of answer were asked for, often.
  expect(Math.min(verdicts.in, verdicts.out)).toBeGreaterThan(40)
})
