import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Portal } from '../../src/domain/portal.ts'
import { createCustomerKeys } from '../../src/service/customer-keys.ts'
import { createKeys } from '../../src/service/keys.ts'
import type { Storage } from '../../src/service/ports.ts'
import { type Core, openCore } from '../support/core.ts'
import { done } from '../support/server.ts'

let core: Core
beforeAll(async () => {
  core = await openCore()
})
afterAll(() => core.close())

const customerKeysOn = (storage: Storage) =>
  createCustomerKeys({
    ...core,
    storage,
    maxKeys: 1000,
    keysAs: (actor) => createKeys({ ...core, storage, actor }),
  })

async function seedPortal(): Promise<Portal> {
  const { owner, developer } = await core.seedTenant()
  const wish = {
    dialect: 'opendental-portal',
    ownerId: owner.id,
    developerId: developer.id,
  } as const
  const { key } = done(await core.keys.create({ ...wish, name: 'Portal' }))
  return { keyId: key.id, ownerId: owner.id, developerId: developer.id }
}

async function seedKey(portal: Portal) {
  const made = await customerKeysOn(core.storage).create(portal)
  if (!made.ok) throw new Error(made.failure.reason)
  return made.value
}

test('who is overtaken is not refused: his change is judged and made again', async () => {
  const portal = await seedPortal()
  const { key, secret } = await seedKey(portal)
  let overtaken = 0
  const storage: Storage = {
    ...core.storage,
    async amendKey(...args) {
      if (overtaken < 3) done(await core.keys.edit(key.id, { description: `${++overtaken}` }))
      return core.storage.amendKey(...args)
    },
  }
  const changed = await customerKeysOn(storage).update(portal, secret, { enabled: false })
  expect(changed).toMatchObject({
    ok: true,
    value: { key: { status: 'disabled', description: '3' } },
  })
  const events = await core.storage.listEvents({ subject: key.id, limit: 10 })
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
  const { key, secret } = await seedKey(portal)
  const storage: Storage = {
    ...core.storage,
    async amendKey(...args) {
      done(await core.keys.disable(key.id, 'customer'))
      return core.storage.amendKey(...args)
    },
  }
  const change = { enabled: false, reference: 'mine' }
  expect(await customerKeysOn(storage).update(portal, secret, change)).toEqual({
    ok: false,
    failure: { reason: 'disabled_by_other', by: 'customer' },
  })
  expect(done(await core.keys.find(key.id))).toMatchObject({
    disabledBy: 'customer',
    reference: '',
  })
})

test('who is overtaken without end gives up', async () => {
  const portal = await seedPortal()
  const { key, secret } = await seedKey(portal)
  const storage: Storage = { ...core.storage, amendKey: async () => false }
  expect(await customerKeysOn(storage).update(portal, secret, { enabled: false })).toEqual({
    ok: false,
    failure: { reason: 'contended' },
  })
  expect(done(await core.keys.find(key.id)).status).toBe('enabled')
})

test('keys are shown only after it is written that they are', async () => {
  const portal = await seedPortal()
  await seedKey(portal)
  const storage: Storage = {
    ...core.storage,
    addEvent: () => Promise.reject(new Error('the disk is full')),
  }
  await expect(customerKeysOn(storage).list(portal)).rejects.toThrow('the disk is full')
})

test('keys are listed and found after the key ring was rotated', async () => {
  const portal = await seedPortal()
  const { secret } = await seedKey(portal)
  await core.rotateRing('seal')
  await core.rotateRing('digest')
  const customerKeys = customerKeysOn(core.storage)
  const { secret: newer } = await seedKey(portal)
  expect((await customerKeys.list(portal)).map((listed) => listed.secret)).toEqual([secret, newer])
  for (const each of [secret, newer]) {
    expect(await customerKeys.update(portal, each, { enabled: false })).toMatchObject({ ok: true })
  }
})

test('a list opens each secret once, and a new one after its rotation', async () => {
  const portal = await seedPortal()
  const made = [await seedKey(portal), await seedKey(portal)]
  let opened = 0
  const counting = createCustomerKeys({
    ...core,
    sealer: {
      ...core.sealer,
      open: (...args) => {
        opened++
        return core.sealer.open(...args)
      },
    },
    maxKeys: 1000,
    keysAs: (actor) => createKeys({ ...core, actor }),
  })
  const secretsListed = async () => (await counting.list(portal)).map(({ secret }) => secret)
  expect(await secretsListed()).toEqual(made.map(({ secret }) => secret))
  expect(await secretsListed()).toEqual(made.map(({ secret }) => secret))
  expect(opened).toBe(2)
  const { secret } = done(await core.keys.rotateSecret(made[0]?.key.id ?? '', {}))
  expect(await secretsListed()).toEqual([secret, made[1]?.secret])
  expect(opened).toBe(3)
})
