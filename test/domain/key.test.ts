import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseIpNetwork } from '../../src/domain/ip-network.ts'
import {
  checkKeyUsable,
  checkMethodAllowed,
  isPublicId,
  type Key,
  listValidSecretDigests,
  listValidSecretHashes,
} from '../../src/domain/key.ts'
import { KEY_TYPE_NAMES } from '../../src/domain/key-type.ts'
import { getKeyRateLimit } from '../../src/domain/limits.ts'
import { canHoldKeys } from '../../src/domain/role.ts'
import { DAY_MS } from '../support/time.ts'

const NOW = 1_000_000
const HERE = '203.0.113.7'
const requireNetwork = (text: string) => {
  const parsed = parseIpNetwork(text)
  if (parsed === null) throw new Error(text)
  return parsed
}

/** A customer key that is assigned to an office: nothing is wrong with it. */
const sound: Key = {
  id: 'key-1',
  accountId: 'account-1',
  ownerId: 'owner-1',
  keyType: 'opendental',
  publicId: 'public-1',
  name: 'nightly job',
  sourceId: null,
  siteId: 'site-1',
  developer: { id: 'developer-1', developerKey: 'D' },
  username: null,
  status: 'enabled',
  access: 'standard',
  assignedAt: 1,
  expiresAt: null,
  secretHash: 'current',
  previousSecretHash: null,
  secretDigest: null,
  previousSecretDigest: null,
  previousSecretEndsAt: null,
  secretRotatedAt: 1,
  tokenSalt: 'salt',
  tokenEpoch: 0,
  oauthClient: null,
  sunset: null,
  account: { name: 'Acme', status: 'open', region: 'us', networks: [] },
}

type Fault = readonly [reason: string, break_: (key: Key) => Key]

/** Every fault of a key, in the order in which the faults are reported. */
const FAULTS: readonly Fault[] = [
  ['region_other', (key) => ({ ...key, account: { ...key.account, region: 'ca' } })],
  ['account_closed', (key) => ({ ...key, account: { ...key.account, status: 'closed' } })],
  ['key_revoked', (key) => ({ ...key, status: 'revoked' })],
  [
    'key_disabled',
    (key) => ({ ...key, status: key.status === 'revoked' ? 'revoked' : 'disabled' }),
  ],
  ['key_expired', (key) => ({ ...key, expiresAt: NOW })],
  ['key_unassigned', (key) => ({ ...key, assignedAt: null })],
  [
    'address_refused',
    (key) => ({ ...key, account: { ...key.account, networks: [requireNetwork('10.0.0.0/8')] } }),
  ],
]

describe('the check that a key may be used', () => {
  test('returns the first problem of all combinations of problems', () => {
    for (let mask = 0; mask < 2 ** FAULTS.length; mask++) {
      const present = FAULTS.filter((_, n) => (mask >> n) & 1)
      const key = present.reduce((broken, [, break_]) => break_(broken), sound)
      const judged = checkKeyUsable(key, HERE, NOW, 'us')
      const told = judged.ok ? undefined : judged.failure.reason
      expect([mask, told]).toEqual([mask, present[0]?.[0]])
    }
  })

  test('returns the key, and the facts that the operator needs', () => {
    const facts = { address_refused: { address: HERE }, region_other: { region: 'ca' } }
    for (const [reason, break_] of FAULTS) {
      const more = facts[reason as keyof typeof facts]
      const failure = { reason, keyId: 'key-1', ...more }
      expect(checkKeyUsable(break_(sound), HERE, NOW, 'us')).toEqual({ ok: false, failure })
    }
    expect(checkKeyUsable(sound, HERE, NOW, 'us')).toEqual({ ok: true, value: sound })
  })

  test('ends at the millisecond of its expiry', () => {
    const key = { ...sound, expiresAt: NOW }
    expect(checkKeyUsable(key, HERE, NOW - 1, 'us').ok).toBe(true)
    expect(checkKeyUsable(key, HERE, NOW, 'us').ok).toBe(false)
  })

  test.each(KEY_TYPE_NAMES)('requires an assignment only for customer keys: %s', (keyType) => {
    const key = { ...sound, keyType, assignedAt: null }
    expect(checkKeyUsable(key, HERE, NOW, 'us').ok).toBe(keyType !== 'opendental')
  })

  test('asks for an address in one of the networks, and for an address', () => {
    const networks = ['192.0.2.0/24', '203.0.113.7', '2001:db8::/32'].map(requireNetwork)
    const key = { ...sound, account: { ...sound.account, networks } }
    const isUsableFrom = (address: string) => checkKeyUsable(key, address, NOW, 'us').ok
    const inside = ['192.0.2.1', HERE, '::ffff:203.0.113.7', '2001:db8::1']
    const outside = ['192.0.3.1', '203.0.113.8', '2001:db9::1', 'unknown', '', '203.0.113.7.']
    for (const address of inside) expect([address, isUsableFrom(address)]).toEqual([address, true])
    for (const address of outside)
      expect([address, isUsableFrom(address)]).toEqual([address, false])
  })
})

describe('what a key may do', () => {
  const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'get', '']

  test.each(['standard', 'enterprise'] as const)('with %s access: every request', (access) => {
    for (const method of METHODS)
      expect(checkMethodAllowed({ ...sound, access }, method).ok).toBe(true)
  })

  test('with read access: what changes nothing, and no other word', () => {
    const key = { ...sound, access: 'read' } as const
    const may = METHODS.filter((method) => checkMethodAllowed(key, method).ok)
    expect(may).toEqual(['GET', 'HEAD', 'OPTIONS'])
    expect(checkMethodAllowed(key, 'POST')).toEqual({
      ok: false,
      failure: { reason: 'permission_missing', keyId: 'key-1', detail: 'it only reads' },
    })
  })

  test('a developer’s own key opens no data', () => {
    for (const access of ['read', 'standard', 'enterprise'] as const) {
      for (const method of METHODS) {
        const key = { ...sound, keyType: 'opendental-portal', access } as const
        expect(checkMethodAllowed(key, method)).toEqual({
          ok: false,
          failure: { reason: 'permission_missing', keyId: 'key-1', detail: 'it opens no data' },
        })
      }
    }
  })
})

test('a customer key’s pace is what is documented for its access, any other’s is the usual', () => {
  const usual = { limit: 77, windowMs: 88 }
  for (const keyType of KEY_TYPE_NAMES) {
    const paces = (['read', 'standard', 'enterprise'] as const).map((access) =>
      getKeyRateLimit({ ...sound, keyType, access }, usual),
    )
    const documented = [5000, 1000, 500].map((windowMs) => ({ limit: 1, windowMs }))
    expect(paces).toEqual(keyType === 'opendental' ? documented : [usual, usual, usual])
  }
})

test('the secret before a rotation counts until the millisecond at which its overlap ends', () => {
  const key = { ...sound, previousSecretHash: 'before', previousSecretEndsAt: NOW }
  expect(listValidSecretHashes(key, NOW - 1)).toEqual(['current', 'before'])
  expect(listValidSecretHashes(key, NOW)).toEqual(['current'])
  expect(listValidSecretHashes({ ...key, previousSecretEndsAt: null }, NOW - 1)).toEqual([
    'current',
  ])
  expect(listValidSecretHashes({ ...key, previousSecretHash: null }, NOW - 1)).toEqual(['current'])

  const made = { ...key, secretDigest: 'new', previousSecretDigest: 'old' }
  expect(listValidSecretDigests(made, NOW - 1)).toEqual(['new', 'old'])
  expect(listValidSecretDigests(made, NOW)).toEqual(['new'])
  expect(listValidSecretDigests({ ...made, secretDigest: null }, NOW - 1)).toEqual(['old'])
  expect(listValidSecretDigests(key, NOW - 1)).toEqual([])
})

test('an overlap that began further ahead than clocks differ is over', () => {
  const key = { ...sound, previousSecretHash: 'before', previousSecretEndsAt: NOW + 90 * DAY_MS }
  const listHashesAt = (secretRotatedAt: number) =>
    listValidSecretHashes({ ...key, secretRotatedAt }, NOW)
  expect(listHashesAt(NOW + 60_000)).toEqual(['current', 'before'])
  expect(listHashesAt(NOW + 60_001)).toEqual(['current'])
})

test('only engineers and administrators can own keys', () => {
  const roles = ['operator', 'administrator', 'engineer', 'member'] as const
  expect(roles.filter(canHoldKeys)).toEqual(['administrator', 'engineer'])
})

test('a public id is 1 to 128 printable ASCII characters without a blank', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 140 }), (text) => {
      const codes = Array.from(text, (character) => character.charCodeAt(0))
      const isPrintable = codes.every((code) => code > 0x20 && code < 0x7f)
      expect(isPublicId(text)).toBe(isPrintable && text.length > 0 && text.length <= 128)
    }),
  )
  expect([isPublicId('x'.repeat(128)), isPublicId('x'.repeat(129)), isPublicId('')]).toEqual([
    ...[true, false, false],
  ])
})
