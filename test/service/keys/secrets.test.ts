import { describe, expect, test } from 'vitest'
import { getKeyTypeTraits, KEY_TYPE_NAMES } from '../../../src/domain/key-type.ts'
import { createKeys } from '../../../src/service/keys/keys.ts'
import { unwrap } from '../../support/server.ts'
import { create, NO_KEY, readRefusal, testServices, useKeyServices } from './fixture.ts'

useKeyServices()

describe('viewing the secret of a key', () => {
  test.each(KEY_TYPE_NAMES)(
    'is possible where the key type (%s) allows it, and each view is an audit event',
    async (keyType) => {
      const { key, secret } = await create(keyType)
      await testServices.rotateRing('seal')
      const viewed = await testServices.keys.viewSecret(key.publicId)
      if (getKeyTypeTraits(keyType).secret !== 'viewable') {
        expect(readRefusal(viewed)).toBe(
          `conflict: a secret of this key type (${keyType}) is shown once: rotate it`,
        )
        expect(await testServices.listActions(key.id)).toEqual(['key.created'])
        return
      }
      expect(unwrap(viewed)).toEqual({ key, secret })
      unwrap(await testServices.keys.viewSecret(key.id))
      expect(await testServices.listActions(key.id)).toEqual([
        'key.created',
        'key.viewed',
        'key.viewed',
      ])
      const rotated = unwrap(await testServices.keys.rotateSecret(key.id, {}))
      expect(unwrap(await testServices.keys.viewSecret(key.id)).secret).toBe(rotated.secret)
    },
  )

  test('fails if its event cannot be written', async () => {
    const { key } = await create('practice')
    const storage = {
      ...testServices.storage,
      addEvent: () => Promise.reject(new Error('disk full')),
    }
    await expect(createKeys({ ...testServices, storage }).viewSecret(key.id)).rejects.toThrow(
      'disk full',
    )
  })

  test('fails if the sealed secret is that of another row', async () => {
    const [a, b] = [await create('practice'), await create('practice')]
    const sealed = await testServices.storage.findSealedSecret(a.key.id)
    const storage = { ...testServices.storage, findSealedSecret: async () => sealed }
    await expect(createKeys({ ...testServices, storage }).viewSecret(b.key.id)).rejects.toThrow()
  })
})

describe('rotating the secret of a key', () => {
  test('ends the old secret at once, or after an overlap that the event records', async () => {
    const { key } = await create('xdent')
    const at = testServices.clock()
    const overlap = unwrap(await testServices.keys.rotateSecret(key.id, { overlapMs: 500 }))
    expect(overlap.key).toMatchObject({ secretRotatedAt: at, previousSecretEndsAt: at + 500 })
    const [event] = await testServices.storage.listEvents({ subject: key.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'key.secret_rotated',
      facts: { overlapEndsAt: at + 500 },
    })
    const atOnce = unwrap(await testServices.keys.rotateSecret(key.id, {}))
    expect(atOnce.key.previousSecretEndsAt).toBeNull()
    expect(atOnce.secret).not.toBe(overlap.secret)
  })

  test('rotates once for repeated and concurrent requests of the same page', async () => {
    const { key } = await create('xdent')
    const ask = () => testServices.keys.rotateSecret(key.id, { seen: key.eventId, overlapMs: 500 })
    const both = await Promise.all([ask(), ask()])
    expect(both.map(({ ok }) => ok).sort()).toEqual([false, true])
    const message = `conflict: key ${key.publicId} was changed by another user: check it and try again`
    expect(both.filter(({ ok }) => !ok).map(readRefusal)).toEqual([message])
    expect(readRefusal(await ask())).toBe(message)
    unwrap(await testServices.keys.revoke(key.id))
    expect(readRefusal(await ask())).toContain('is revoked permanently')
  })

  test('accepts a secret that another system issued, unless another key has or had it', async () => {
    const taken = 'conflict: the public id or the secret is taken: another key has it'
    const [a, b] = [await create('xdent'), await create('practice')]
    const rotate = async (secret: string) =>
      testServices.keys.rotateSecret(b.key.id, { secret, overlapMs: 1 })
    expect(readRefusal(await rotate(a.secret))).toBe(taken)
    await testServices.rotateRing('digest')
    expect(readRefusal(await rotate(a.secret))).toBe(taken)
    expect(readRefusal(await rotate('short'))).toContain('a secret must have 16 to 512 characters')
    expect(unwrap(await rotate('another-system-1')).secret).toBe('another-system-1')
    expect(readRefusal(await testServices.keys.rotateSecret('nobody', {}))).toBe(NO_KEY)
  })
})
