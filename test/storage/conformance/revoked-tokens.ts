import { describe, expect, test } from 'vitest'
import {
  createGrantRevocation,
  createRotation,
  createTestEvent,
  createUuid,
  type StorageFixture,
} from './fixtures.ts'

const HOUR_MS = 3_600_000

/** Tests the revocations of single tokens, and of the grants of legacy keys. */
export function testRevokedTokenStorage(name: string, fixture: StorageFixture): void {
  const revoke = (accountId: string, tokenId: string, endsAt: number, subject = createUuid()) =>
    fixture.storage.revokeToken(
      { accountId, tokenId, endsAt },
      createTestEvent(subject, { action: 'token.revoked' }),
    )

  describe(`${name}: a revoked token`, () => {
    test('is found in its account alone, and marks the account', async () => {
      const [account, other, tokenId] = [createUuid(), createUuid(), createUuid()]
      const { storage } = fixture
      const nothing = { isRevoked: false, anyRevoked: false }
      expect(await storage.findRevokedToken(account, tokenId)).toEqual(nothing)
      expect(await revoke(account, tokenId, 500)).toBe(true)
      expect(await storage.findRevokedToken(account, tokenId)).toEqual({
        isRevoked: true,
        anyRevoked: true,
      })
      expect(await storage.findRevokedToken(account, createUuid())).toEqual({
        isRevoked: false,
        anyRevoked: true,
      })
      expect(await storage.findRevokedToken(other, tokenId)).toEqual(nothing)
    })

    test('is revoked by exactly one of 20 concurrent requests, with one event of its account', async () => {
      const { accountId, addKey: key } = await fixture.addTenant()
      const tokenId = createUuid()
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => revoke(accountId, tokenId, 500, key.id)),
      )
      expect(answers.filter(Boolean)).toHaveLength(1)
      const events = await fixture.storage.listEvents({ accountId, limit: 100 })
      expect(events.filter(({ action }) => action === 'token.revoked')).toHaveLength(1)
    })

    test('is counted, and so is a revoked grant, without a new version', async () => {
      const { storage } = fixture
      const before = await storage.readAuthority()
      await revoke(createUuid(), createUuid(), 500)
      const grantId = createUuid()
      await storage.revokeGrant(createGrantRevocation(grantId, 1), createTestEvent(grantId))
      const { version, tokenRevocations } = before
      expect(await storage.readAuthority()).toEqual({
        version,
        tokenRevocations: tokenRevocations + 2,
      })
      const authority = await storage.readTokenAuthority(createUuid(), '')
      expect(authority).toEqual({ version, tokenRevocations: tokenRevocations + 2, key: null })
    })

    test('is purged in batches from the moment at which it expires', async () => {
      const account = createUuid()
      const endings = [1, 2, 3, HOUR_MS]
      const tokenIds = endings.map(() => createUuid())
      for (const [n, tokenId] of tokenIds.entries()) await revoke(account, tokenId, endings[n] ?? 0)
      // Other tests have left revocations that end at 500.
      await fixture.storage.purgeRevokedTokens(0, 1000)
      expect(await fixture.storage.purgeRevokedTokens(3, 2)).toBe(2)
      expect(await fixture.storage.purgeRevokedTokens(3, 2)).toBe(1)
      const found = await Promise.all(
        tokenIds.map((tokenId) => fixture.storage.findRevokedToken(account, tokenId)),
      )
      expect(found.map(({ isRevoked }) => isRevoked)).toEqual([false, false, false, true])
    })
  })

  test(`${name}: a grant is revoked before its first refresh, and never rotated after`, async () => {
    const grantId = createUuid()
    const event = createTestEvent(grantId)
    expect(await fixture.storage.revokeGrant(createGrantRevocation(grantId, 7), event)).toBe(true)
    expect(await fixture.storage.findGrant(grantId)).toMatchObject({ generation: 1, revokedAt: 7 })
    expect(await fixture.listEvents(grantId)).toEqual([event])
    expect(await fixture.storage.rotateGrant(createRotation(grantId, 2))).toBe(false)
    const again = createTestEvent(grantId)
    expect(await fixture.storage.revokeGrant(createGrantRevocation(grantId, 8), again)).toBe(false)
    expect(await fixture.listEvents(grantId)).toEqual([event])
  })
}
