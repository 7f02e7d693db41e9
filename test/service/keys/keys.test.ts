import { describe, expect, test } from 'vitest'
import { getKeyTypeTraits, KEY_TYPE_NAMES } from '../../../src/domain/key-type.ts'
import { unwrap } from '../../support/server.ts'
import { create, NO_KEY, readRefusal, tenant, testServices, useKeyServices } from './fixture.ts'

useKeyServices()

describe('disabling and enabling a key', () => {
  const PARTIES = ['developer', 'customer', 'operator'] as const
  const PARTY_TEXTS = {
    developer: 'its developer',
    customer: 'its customer',
    operator: 'the operator',
  }

  test.each(PARTIES)(
    'by the party “%s” is undone by the same party alone, and repeating it changes nothing',
    async (by) => {
      const { key } = await create('opendental')
      const { keys } = testServices
      const disabled = unwrap(await keys.disable(key.id, by))
      expect(disabled).toMatchObject({
        status: 'disabled',
        disabledBy: by,
        disabledAt: testServices.clock(),
      })
      testServices.clock.advance(5)
      expect(unwrap(await keys.disable(key.id, by))).toEqual(disabled)
      const sentence = `conflict: key ${key.publicId} was disabled by ${PARTY_TEXTS[by]}: only they can enable it`
      for (const other of PARTIES.filter((party) => party !== by)) {
        expect(readRefusal(await keys.enable(key.id, other))).toBe(sentence)
        expect(readRefusal(await keys.disable(key.id, other))).toBe(sentence)
      }
      const enabled = unwrap(await keys.enable(key.publicId, by))
      expect(enabled).toEqual({ ...key, eventId: enabled.eventId })
      for (const other of PARTIES) expect(unwrap(await keys.enable(key.id, other))).toEqual(enabled)
      expect(await testServices.listActions(key.id)).toEqual([
        'key.created',
        'key.disabled',
        'key.enabled',
      ])
    },
  )

  test.each(KEY_TYPE_NAMES.filter((keyType) => keyType !== 'opendental'))(
    'is refused to a party that the type does not have: %s',
    async (keyType) => {
      const { key } = await create(keyType)
      const { belongsTo } = getKeyTypeTraits(keyType)
      for (const by of ['customer', 'developer'] as const) {
        if (by === belongsTo) continue
        expect(readRefusal(await testServices.keys.disable(key.id, by))).toBe(
          `conflict: keys of this type (${keyType}) have no ${by} to disable them: leave out the party`,
        )
      }
    },
  )

  test('is by the operator if no party is named', async () => {
    const { key } = await create('xdent')
    expect(unwrap(await testServices.keys.disable(key.id)).disabledBy).toBe('operator')
    expect(unwrap(await testServices.keys.enable(key.id)).status).toBe('enabled')
  })

  test('is refused for an unknown or revoked key', async () => {
    const { keys } = testServices
    for (const act of [
      keys.enable,
      keys.disable,
      keys.revoke,
      keys.viewSecret,
      keys.delete,
      keys.find,
    ]) {
      expect(readRefusal(await act('nobody'))).toBe(NO_KEY)
    }
    const { key } = await create('xdent')
    const revoked = unwrap(await keys.revoke(key.id))
    expect(revoked).toMatchObject({ status: 'revoked', revokedAt: testServices.clock() })
    const final = `conflict: key ${key.publicId} is revoked permanently: create another key`
    for (const act of [keys.enable, keys.disable, keys.revoke]) {
      expect(readRefusal(await act(key.id))).toBe(final)
    }
    expect(readRefusal(await keys.edit(key.id, { name: 'x' }))).toBe(final)
    expect(readRefusal(await keys.rotateSecret(key.id, {}))).toBe(final)
    expect(unwrap(await keys.find(key.id))).toEqual(revoked)
  })
})

describe('deleting a key', () => {
  test.each(KEY_TYPE_NAMES)(
    'is possible where the key type (%s) allows it, and the audit keeps its name',
    async (keyType) => {
      const { key } = await create(keyType)
      const removed = await testServices.keys.delete(key.publicId)
      if (!getKeyTypeTraits(keyType).deletable) {
        expect(readRefusal(removed)).toBe(
          `conflict: keys of this type (${keyType}) cannot be deleted: revoke the key instead`,
        )
        expect(unwrap(await testServices.keys.find(key.id))).toEqual(key)
        return
      }
      expect(removed).toEqual({ ok: true, value: undefined })
      expect(readRefusal(await testServices.keys.find(key.id))).toBe(
        `not_found: there is no key ${key.id}`,
      )
      const [event] = await testServices.storage.listEvents({ subject: key.id, limit: 1 })
      expect(event).toMatchObject({
        action: 'key.deleted',
        facts: { keyType, publicId: key.publicId, name: 'nightly job' },
      })
    },
  )
})

describe('assigning a key', () => {
  test('accepts the site of an office of any account, and is undone by unassigning', async () => {
    const { key } = await create('opendental')
    const { site } = await testServices.seedTenant()
    const at = testServices.clock()
    const assigned = unwrap(await testServices.keys.assign(key.id, site.id))
    expect(assigned).toMatchObject({ siteId: site.id, assignedAt: at })
    const back = unwrap(await testServices.keys.assign(key.publicId, null))
    expect(back).toEqual({ ...key, eventId: back.eventId })
    expect(await testServices.listActions(key.id)).toEqual([
      ...['key.created', 'key.assigned', 'key.unassigned'],
    ])
  })

  test('is refused for other key types, unknown sites and revoked keys', async () => {
    for (const keyType of KEY_TYPE_NAMES.filter((name) => name !== 'opendental')) {
      const { key } = await create(keyType)
      expect(readRefusal(await testServices.keys.assign(key.id, tenant.site.id))).toBe(
        `conflict: keys of this type (${keyType}) cannot be assigned`,
      )
    }
    const { key } = await create('opendental')
    expect(readRefusal(await testServices.keys.assign('nobody', null))).toBe(NO_KEY)
    expect(readRefusal(await testServices.keys.assign(key.id, 'none'))).toBe(
      'not_found: there is no site none',
    )
    unwrap(await testServices.keys.revoke(key.id))
    expect(readRefusal(await testServices.keys.assign(key.id, tenant.site.id))).toContain(
      'is revoked permanently',
    )
  })
})

describe('deactivating an owner', () => {
  test.each(['keep', 'disable'] as const)(
    'follows the offboarding policy of the account for the keys: %s',
    async (choice) => {
      const { accountId, ownerId, owner } = tenant
      unwrap(await testServices.accounts.setOffboardingPolicy(accountId, choice))
      const { key } = await create('xdent')
      const left = unwrap(await testServices.users.deactivate(ownerId))
      expect(left).toEqual({ ...owner, deactivatedAt: testServices.clock() })
      const after = unwrap(await testServices.keys.find(key.id))
      expect(after.status).toBe(choice === 'keep' ? 'enabled' : 'disabled')
      expect(readRefusal(await testServices.users.deactivate(ownerId))).toBe(
        `conflict: ${owner.email} is already deactivated`,
      )
      expect(readRefusal(await testServices.users.deactivate('nobody'))).toBe(
        'not_found: there is no user nobody',
      )
      // The user who has the keys now can go on using them.
      const enabled = unwrap(await testServices.keys.enable(key.id))
      expect(unwrap(await testServices.keys.edit(key.id, { name: 'orphan' })).status).toBe(
        enabled.status,
      )
    },
  )
})
