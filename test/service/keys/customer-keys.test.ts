import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DeveloperPortal } from '../../../src/domain/key.ts'
import { createCustomerKeys } from '../../../src/service/keys/customer-keys.ts'
import { createKeys } from '../../../src/service/keys/keys.ts'
import type { Storage } from '../../../src/service/ports/storage.ts'
import { unwrap } from '../../support/server.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'

let testServices: TestServices
beforeAll(async () => {
  testServices = await openTestServices()
})
afterAll(() => testServices.close())

const createTestCustomerKeys = (storage: Storage) =>
  createCustomerKeys({
    ...testServices,
    storage,
    maxKeys: 1000,
    createKeysFor: (actor) => createKeys({ ...testServices, storage, actor }),
  })

async function seedPortal(): Promise<DeveloperPortal> {
  const { owner, developer } = await testServices.seedTenant()
  const input = {
    keyType: 'opendental-portal',
    ownerId: owner.id,
    developerId: developer.id,
  } as const
  const { key } = unwrap(await testServices.keys.create({ ...input, name: 'Portal' }))
  return { keyId: key.id, ownerId: owner.id, developerId: developer.id }
}

async function seedOfficeKey(portal: DeveloperPortal) {
  const made = await createTestCustomerKeys(testServices.storage).create(portal)
  if (!made.ok) throw new Error(made.failure.reason)
  return made.value
}

test('a change that another overtakes is not refused: it is judged and made again', async () => {
  const portal = await seedPortal()
  const { key, secret } = await seedOfficeKey(portal)
  let overtaken = 0
  const storage: Storage = {
    ...testServices.storage,
    async amendKey(...args) {
      if (overtaken < 3)
        unwrap(await testServices.keys.edit(key.id, { description: `${++overtaken}` }))
      return testServices.storage.amendKey(...args)
    },
  }
  const changed = await createTestCustomerKeys(storage).update(portal, secret, { enabled: false })
  expect(changed).toMatchObject({
    ok: true,
    value: { key: { status: 'disabled', description: '3' } },
  })
  const events = await testServices.storage.listEvents({ subject: key.id, limit: 10 })
  expect(events.map(({ action }) => action)).toEqual([
    'key.disabled',
    'key.edited',
    'key.edited',
    'key.edited',
    'key.created',
  ])
})

test('what overtakes a change may forbid it', async () => {
  const portal = await seedPortal()
  const { key, secret } = await seedOfficeKey(portal)
  const storage: Storage = {
    ...testServices.storage,
    async amendKey(...args) {
      unwrap(await testServices.keys.disable(key.id, 'customer'))
      return testServices.storage.amendKey(...args)
    },
  }
  const change = { enabled: false, reference: 'mine' }
  expect(await createTestCustomerKeys(storage).update(portal, secret, change)).toEqual({
    ok: false,
    failure: { reason: 'disabled_by_other', by: 'customer' },
  })
  expect(unwrap(await testServices.keys.find(key.id))).toMatchObject({
    disabledBy: 'customer',
    reference: '',
  })
})

test('a change that is overtaken without end is refused', async () => {
  const portal = await seedPortal()
  const { key, secret } = await seedOfficeKey(portal)
  const storage: Storage = { ...testServices.storage, amendKey: async () => false }
  expect(await createTestCustomerKeys(storage).update(portal, secret, { enabled: false })).toEqual({
    ok: false,
    failure: { reason: 'contended' },
  })
  expect(unwrap(await testServices.keys.find(key.id)).status).toBe('enabled')
})

test('keys are shown only after it is written that they are', async () => {
  const portal = await seedPortal()
  await seedOfficeKey(portal)
  const storage: Storage = {
    ...testServices.storage,
    addEvent: () => Promise.reject(new Error('the disk is full')),
  }
  await expect(createTestCustomerKeys(storage).list(portal)).rejects.toThrow('the disk is full')
})

test('keys are listed and found after the key ring was rotated', async () => {
  const portal = await seedPortal()
  const { secret } = await seedOfficeKey(portal)
  await testServices.rotateRing('seal')
  await testServices.rotateRing('digest')
  const customerKeys = createTestCustomerKeys(testServices.storage)
  const { secret: newer } = await seedOfficeKey(portal)
  expect((await customerKeys.list(portal)).map((listed) => listed.secret)).toEqual([secret, newer])
  for (const each of [secret, newer]) {
    expect(await customerKeys.update(portal, each, { enabled: false })).toMatchObject({ ok: true })
  }
})

test('a list opens each secret once, and a new one after its rotation', async () => {
  const portal = await seedPortal()
  const made = [await seedOfficeKey(portal), await seedOfficeKey(portal)]
  let opened = 0
  const counting = createCustomerKeys({
    ...testServices,
    sealer: {
      ...testServices.sealer,
      open: (...args) => {
        opened++
        return testServices.sealer.open(...args)
      },
    },
    maxKeys: 1000,
    createKeysFor: (actor) => createKeys({ ...testServices, actor }),
  })
  const listSecrets = async () => (await counting.list(portal)).map(({ secret }) => secret)
  expect(await listSecrets()).toEqual(made.map(({ secret }) => secret))
  expect(await listSecrets()).toEqual(made.map(({ secret }) => secret))
  expect(opened).toBe(2)
  const { secret } = unwrap(await testServices.keys.rotateSecret(made[0]?.key.id ?? '', {}))
  expect(await listSecrets()).toEqual([secret, made[1]?.secret])
  expect(opened).toBe(3)
})
