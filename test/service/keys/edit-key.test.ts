import { describe, expect, test } from 'vitest'
import { listAccessLevels } from '../../../src/domain/key.ts'
import { KEY_TYPE_NAMES } from '../../../src/domain/key-type.ts'
import { unwrap } from '../../support/server.ts'
import {
  create,
  createAndReadRefusal,
  LONG,
  NO_KEY,
  readRefusal,
  tenant,
  testServices,
  useKeyServices,
} from './fixture.ts'

useKeyServices()

test('an access level that the key type does not enforce is refused, in a new key and in an edit', async () => {
  for (const keyType of KEY_TYPE_NAMES) {
    const { key } = await create(keyType)
    const accesses = listAccessLevels(keyType)
    for (const access of ['read', 'standard', 'enterprise'] as const) {
      if (accesses.includes(access)) {
        expect(unwrap(await testServices.keys.edit(key.id, { access })).access).toBe(access)
        continue
      }
      const words = `invalid: keys of this type (${keyType}) cannot have the access ${access}: use ${accesses.join(' or ')}`
      expect(await createAndReadRefusal(keyType, { access })).toBe(words)
      expect(readRefusal(await testServices.keys.edit(key.id, { access }))).toBe(words)
    }
  }
})

describe('editing a key', () => {
  test('changes the given fields alone, and records their new values', async () => {
    const expiresAt = testServices.clock() + 1000
    const { key } = await create('xdent', { description: 'd', reference: 'r', expiresAt })
    const edited = unwrap(await testServices.keys.edit(key.id, { name: ' new ', description: '' }))
    expect(edited).toEqual({ ...key, name: 'new', description: '', eventId: edited.eventId })
    const [event] = await testServices.storage.listEvents({ subject: key.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'key.edited',
      facts: { name: 'new', description: '' },
      id: edited.eventId,
    })
    const endless = unwrap(
      await testServices.keys.edit(key.id, { expiresAt: null, access: 'read' }),
    )
    expect(endless).toEqual({
      ...edited,
      expiresAt: null,
      access: 'read',
      eventId: endless.eventId,
    })
  })

  test('is refused if the key was changed since it was read', async () => {
    const { key } = await create('xdent')
    const { keys } = testServices
    const first = unwrap(await keys.edit(key.id, { name: 'first', seen: key.eventId }))
    expect(readRefusal(await keys.edit(key.id, { name: 'second', seen: key.eventId }))).toBe(
      `conflict: key ${key.publicId} was changed by another user: check it and try again`,
    )
    expect(unwrap(await keys.find(key.id))).toEqual(first)
    unwrap(await keys.edit(key.id, { name: 'second', seen: first.eventId }))
  })

  test('accepts an expiry in the future, and a past one only if the key has it already', async () => {
    const expiresAt = testServices.clock() + 1000
    const { key } = await create('xdent', { expiresAt })
    expect(
      readRefusal(await testServices.keys.edit(key.id, { expiresAt: testServices.clock() })),
    ).toBe('invalid: the expiry must be in the future: to end a key now, revoke it')
    testServices.clock.advance(2000)
    expect(unwrap(await testServices.keys.edit(key.id, { name: 'expired' })).expiresAt).toBe(
      expiresAt,
    )
  })

  test('refuses a name, description or reference that a new key could not have', async () => {
    const { key } = await create('xdent')
    const edit = async (change: object) => readRefusal(await testServices.keys.edit(key.id, change))
    expect(await edit({ name: '' })).toBe('invalid: the name must not be blank')
    expect(await edit({ reference: LONG })).toContain('the reference must not be longer')
    expect(await edit({ description: '\u0000' })).toContain('the description must be plain text')
    expect(readRefusal(await testServices.keys.edit('nobody', {}))).toBe(NO_KEY)
    expect(await testServices.listActions(key.id)).toEqual(['key.created'])
  })

  test('accepts an active owner of the same account who may own keys', async () => {
    const { accountId } = tenant
    const { key } = await create('practice')
    const edit = async (ownerId: string) =>
      readRefusal(await testServices.keys.edit(key.id, { ownerId }))
    const add = async (email: string, more: object = {}) =>
      unwrap(await testServices.users.add({ accountId, email, role: 'engineer', ...more }))
    const [member, gone, nameless, heir] = [
      await add('member@acme.example', { role: 'member' }),
      await add('gone@acme.example', { username: 'gone' }),
      await add('nameless@acme.example'),
      await add('heir@acme.example', { username: 'heir' }),
    ]
    unwrap(await testServices.users.deactivate(gone.id))
    const stranger = (await testServices.seedTenant()).owner
    expect(await edit('nobody')).toBe('not_found: there is no user nobody')
    expect(await edit(stranger.id)).toBe(`invalid: user ${stranger.id} belongs to another account`)
    expect(await edit(gone.id)).toBe('invalid: gone@acme.example is deactivated')
    expect(await edit(member.id)).toContain('only an engineer or an administrator can own a key')
    expect(await edit(nameless.id)).toContain('the owner needs a username')
    const moved = unwrap(await testServices.keys.edit(key.id, { ownerId: heir.id }))
    expect(moved).toEqual({ ...key, ownerId: heir.id, eventId: moved.eventId })
    expect(await testServices.listActions(key.id)).toEqual(['key.created', 'key.transferred'])
  })
})
