import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toCustomerKeyRecord } from '../../src/http/vendors/opendental/key-record.ts'
import type { KeySummary } from '../../src/service/ports/keys.ts'

const KEY: KeySummary = {
  id: 'row',
  oauthClient: null,
  accountId: 'account',
  ownerId: 'owner',
  keyType: 'opendental',
  sourceId: null,
  siteId: null,
  developerId: 'developer',
  name: 'Customer key',
  description: 'for nobody but the operator',
  reference: '',
  publicId: 'id',
  status: 'enabled',
  disabledBy: null,
  access: 'standard',
  createdAt: 0,
  assignedAt: null,
  expiresAt: null,
  disabledAt: null,
  revokedAt: null,
  secretRotatedAt: null,
  previousSecretEndsAt: null,
  lastUsedAt: 99,
  sunsetAt: null,
  eventId: 'event',
}
const NOW = Date.UTC(2026, 0, 2)
const buildRecord = (key: Partial<KeySummary>, now = NOW) =>
  toCustomerKeyRecord({ key: { ...KEY, ...key }, secret: 'AAM2DYNOLF0F7ZUD' }, now)

test('a customer key record has exactly the documented members, in their order', () => {
  // The first of the vendor's own sample.
  const sample = {
    CustomerKey: 'QJXZR4PNK5B8W2HD',
    KeyStatus: 'DisabledByDeveloper',
    DateCreated: '2022-05-25',
    DateDisabled: '2025-08-29',
    DateTimeAssigned: '2022-06-22 03:37:33',
    DevRefId: "Sarah's Super Dental",
  }
  const key: KeySummary = {
    ...KEY,
    status: 'disabled',
    disabledBy: 'developer',
    createdAt: Date.UTC(2022, 4, 25, 23, 59, 59, 999),
    disabledAt: Date.UTC(2025, 7, 29),
    assignedAt: Date.UTC(2022, 5, 22, 3, 37, 33, 999),
    reference: "Sarah's Super Dental",
  }
  const record = toCustomerKeyRecord({ key, secret: 'QJXZR4PNK5B8W2HD' }, NOW)
  expect(JSON.stringify(record)).toBe(JSON.stringify(sample))
})

describe('KeyStatus', () => {
  const disabled = { status: 'disabled', disabledAt: 1 } as const
  const revoked = { status: 'revoked', revokedAt: 1 } as const
  const expired = { expiresAt: NOW }
  test.each<[string, Partial<KeySummary>]>([
    ['Enabled', {}],
    ['Enabled', { access: 'enterprise' }],
    ['Enabled', { expiresAt: NOW + 1 }],
    ['Enabled', { assignedAt: 1 }],
    ['EnabledReadOnly', { access: 'read' }],
    ['Unknown', expired],
    ['Unknown', { ...expired, access: 'read' }],
    ['DisabledByDeveloper', { ...disabled, disabledBy: 'developer' }],
    ['DisabledByDeveloper', { ...disabled, ...expired, disabledBy: 'developer', access: 'read' }],
    ['DisabledByCustomer', { ...disabled, disabledBy: 'customer' }],
    ['DisabledByHQ', { ...disabled, disabledBy: 'operator' }],
    ['DisabledByHQ', revoked],
    ['DisabledByHQ', { ...revoked, ...expired, access: 'read' }],
    ['DisabledByHQ', { ...revoked, disabledBy: 'developer', disabledAt: 0 }],
  ])('is %s for a key with %j', (status, key) => {
    expect(buildRecord(key).KeyStatus).toBe(status)
  })
})

test('DateDisabled of a revoked key is the date of its revocation, even if it was disabled before', () => {
  const revokedAt = Date.UTC(2026, 1, 3)
  for (const disabledAt of [null, Date.UTC(2026, 1, 1)]) {
    const record = buildRecord({ status: 'revoked', revokedAt, disabledAt })
    expect(record.DateDisabled).toBe('2026-02-03')
  }
})

/** Another way to the same words: Sweden writes its dates like ISO 8601. */
const formatInZone = (at: number, more: Intl.DateTimeFormatOptions = {}) =>
  new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'UTC',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    ...more,
  }).format(at)

test('dates in a customer key record are in UTC, whatever the time zone of the machine', () => {
  const instant = fc.integer({ min: Date.UTC(1000, 0, 1), max: Date.UTC(9999, 11, 31) })
  const zone = process.env.TZ
  try {
    fc.assert(
      fc.property(
        fc.constantFrom('UTC', 'Pacific/Kiritimati', 'America/Los_Angeles', 'Asia/Kathmandu'),
        instant,
        instant,
        instant,
        (timeZone, createdAt, disabledAt, assignedAt) => {
          process.env.TZ = timeZone
          expect(buildRecord({ createdAt, disabledAt, assignedAt })).toMatchObject({
            DateCreated: formatInZone(createdAt),
            DateDisabled: formatInZone(disabledAt),
            DateTimeAssigned: formatInZone(assignedAt, {
              hour: '2-digit',
              minute: '2-digit',
              second: '2-digit',
              hourCycle: 'h23',
            }),
          })
        },
      ),
      { numRuns: 500 },
    )
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
})
