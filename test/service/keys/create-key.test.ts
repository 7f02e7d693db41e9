import { describe, expect, test } from 'vitest'
import { listAccessLevels } from '../../../src/domain/key.ts'
import { getKeyTypeTraits, KEY_TYPE_NAMES, type KeyType } from '../../../src/domain/key-type.ts'
import type { CreateKeyInput } from '../../../src/service/keys/input.ts'
import { unwrap } from '../../support/server.ts'
import {
  create,
  createAndReadRefusal,
  createKeyInput,
  EXPECTED_SECRET_CLIENT,
  LONG,
  readRefusal,
  SECRET_CLIENT_FACTS,
  tenant,
  testServices,
  useKeyServices,
} from './fixture.ts'

useKeyServices()

describe('creating a key', () => {
  test.each(KEY_TYPE_NAMES)(
    'of the type %s returns its secret once, and stores it as the type needs',
    async (keyType) => {
      const [access] = listAccessLevels(keyType)
      const { key, secret } = await create(keyType, {
        name: ' n ',
        description: ' a\nb ',
        reference: ' PO-1 ',
        access,
      })
      const { ownerId, accountId, site, developer } = tenant
      const { belongsTo, form, secret: storedSecret } = getKeyTypeTraits(keyType)
      expect(key).toEqual({
        id: key.id,
        accountId,
        ownerId,
        keyType,
        sourceId: belongsTo === 'source' ? key.sourceId : null,
        siteId: belongsTo === 'site' ? site.id : null,
        developerId: belongsTo === 'developer' ? developer.id : null,
        name: 'n',
        description: 'a\nb',
        reference: 'PO-1',
        access,
        publicId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        status: 'enabled',
        disabledBy: null,
        assignedAt: null,
        expiresAt: null,
        createdAt: testServices.clock(),
        disabledAt: null,
        revokedAt: null,
        secretRotatedAt: null,
        previousSecretEndsAt: null,
        lastUsedAt: null,
        sunsetAt: null,
        oauthClient: keyType === 'oauth' ? EXPECTED_SECRET_CLIENT : null,
        eventId: key.eventId,
      })
      expect(secret).toMatch(form === 'code' ? /^[A-Z0-9]{16}$/ : /^lk_[\w-]{49}$/)
      const row = await testServices.storage.findKey(key.publicId)
      const hash = row?.secretHash ?? ''
      expect(hash.split(/[$.]/).slice(0, 2)).toContain(
        storedSecret === 'exchanged' ? 'argon2id' : 'hmac',
      )
      const sealed = await testServices.storage.findSealedSecret(key.id)
      expect(sealed === null).toBe(storedSecret !== 'viewable')
      expect(`${hash} ${sealed}`).not.toContain(secret)
      const [event] = await testServices.storage.listEvents({ subject: key.id, limit: 9 })
      expect(event).toMatchObject({ action: 'key.created', actor: 'operator', id: key.eventId })
      const keyPlace = { sourceId: key.sourceId, siteId: key.siteId, developerId: key.developerId }
      const facts = Object.entries(keyPlace).filter(([, id]) => id !== null)
      expect(event?.facts).toEqual({
        keyType,
        publicId: key.publicId,
        ownerId,
        ...Object.fromEntries(facts),
        ...(keyType === 'oauth' && SECRET_CLIENT_FACTS),
      })
    },
  )

  test('accepts the public id, secret and expiry that another system issued', async () => {
    const issued = {
      publicId: 'KID-1',
      secret: 'Imported+Secret/=',
      expiresAt: testServices.clock() + 1,
    }
    for (const keyType of KEY_TYPE_NAMES) {
      const publicId = `${keyType} 1`.replace(' ', '-')
      const secret = `${keyType}${issued.secret}`
      const made = await create(keyType, { ...issued, publicId, secret })
      expect([made.key.publicId, made.key.expiresAt]).toEqual([publicId, issued.expiresAt])
      expect(made.secret).toBe(secret)
    }
  })

  test('creates one key for repeated and concurrent requests with the same id', async () => {
    const id = '01990000-0000-7000-8000-000000000001'
    const input = { ...(await createKeyInput('xdent')), id }
    const both = await Promise.all([
      testServices.keys.create(input),
      testServices.keys.create(input),
    ])
    expect(both.map(({ ok }) => ok).sort()).toEqual([false, true])
    const message = `conflict: key ${id} already exists: its secret is not shown again`
    expect(both.filter(({ ok }) => !ok).map(readRefusal)).toEqual([message])
    expect(readRefusal(await testServices.keys.create(input))).toBe(message)
    expect(await createAndReadRefusal('xdent', { id: 'mine' })).toBe(
      'invalid: "mine" is not a UUID',
    )
    expect(await testServices.storage.listKeys({ ownerId: tenant.ownerId, limit: 9 })).toHaveLength(
      1,
    )
  })

  test.each<[string, KeyType, Partial<Omit<CreateKeyInput, 'keyType'>>, string]>([
    ['a blank name', 'xdent', { name: ' ' }, 'invalid: the name must not be blank'],
    [
      'a long name',
      'xdent',
      { name: LONG },
      'invalid: the name must not be longer than 200 characters',
    ],
    [
      'a name of two lines',
      'xdent',
      { name: 'a\nb' },
      'invalid: the name must be one line of text',
    ],
    ['half a character', 'xdent', { name: '\ud800' }, 'invalid: the name must be one line of text'],
    [
      'a long description',
      'xdent',
      { description: 'x'.repeat(2001) },
      'invalid: the description must not be longer than 2000 characters',
    ],
    ['a bell', 'xdent', { description: 'a\u0007' }, 'invalid: the description must be plain text'],
    [
      'a long reference',
      'xdent',
      { reference: LONG },
      'invalid: the reference must not be longer than 200 characters',
    ],
    ...['', 'a b', 'ü', 'x'.repeat(129)].map(
      (publicId): [string, KeyType, Partial<Omit<CreateKeyInput, 'keyType'>>, string] => [
        `the public id ${JSON.stringify(publicId.slice(0, 9))}`,
        'xdent',
        { publicId },
        'invalid: the public id must be 1 to 128 printable ASCII characters without blanks',
      ],
    ),
    [
      'a short secret',
      'xdent',
      { secret: 'x'.repeat(15) },
      'invalid: a secret must have 16 to 512 characters, this one has 15',
    ],
    [
      'a long secret',
      'redox',
      { secret: 'x'.repeat(513) },
      'invalid: a secret must have 16 to 512 characters, this one has 513',
    ],
    [
      'a secret of two lines',
      'redox',
      { secret: 'x'.repeat(16).concat('\n') },
      'invalid: a secret must be one line of text',
    ],
    ...['xenrad', 'opendental', 'xdent', 'practice'].map(
      (keyType): [string, KeyType, Partial<Omit<CreateKeyInput, 'keyType'>>, string] => [
        'a secret that fits no header',
        keyType as KeyType,
        { secret: `${'x'.repeat(16)} ü` },
        'invalid: a secret that is sent in a header must be printable ASCII without blanks',
      ],
    ),
    [
      'a mistyped secret of ours',
      'xenrad',
      { secret: `lk_${'a'.repeat(49)}` },
      'invalid: the secret begins with lk_, as secrets of Latchkey do, but its checksum is wrong',
    ],
    [
      'an owner who is nobody',
      'xdent',
      { ownerId: 'nobody' },
      'not_found: there is no user nobody',
    ],
    ['no source', 'redox', { sourceId: undefined }, 'invalid: a key of this type needs a source'],
    ['no site', 'xenrad', { siteId: undefined }, 'invalid: a key of this type needs a site'],
    [
      'no developer',
      'opendental',
      { developerId: undefined },
      'invalid: a key of this type needs a developer',
    ],
    [
      'no developer',
      'opendental-portal',
      { developerId: undefined },
      'invalid: a key of this type needs a developer',
    ],
    ['a source', 'xdent', { sourceId: 's' }, 'invalid: keys of this type have no source'],
    ['a site', 'practice', { siteId: 's' }, 'invalid: keys of this type have no site'],
    ['a developer', 'xenrad', { developerId: 'd' }, 'invalid: keys of this type have no developer'],
    ['a site', 'redox', { siteId: 's' }, 'invalid: keys of this type have no site'],
    ['a source that is none', 'redox', { sourceId: 'none' }, 'not_found: there is no source none'],
    ['a site that is none', 'xenrad', { siteId: 'none' }, 'not_found: there is no site none'],
    [
      'a developer who is nobody',
      'opendental',
      { developerId: 'none' },
      'not_found: there is no developer none',
    ],
  ])('is refused with %s (%s)', async (_, keyType, more, sentence) => {
    expect(await createAndReadRefusal(keyType, more)).toBe(sentence)
  })

  test('is refused with an expiry in the past', async () => {
    for (const expiresAt of [testServices.clock(), testServices.clock() - 1, 0]) {
      expect(await createAndReadRefusal('xdent', { expiresAt })).toBe(
        'invalid: the expiry must be in the future',
      )
    }
  })

  test('is refused with a resource of another account', async () => {
    const other = await testServices.seedTenant()
    const { ownerId } = tenant
    for (const keyType of ['redox', 'xenrad', 'opendental', 'opendental-portal'] as const) {
      const { belongsTo } = getKeyTypeTraits(keyType)
      const input = { ...(await createKeyInput(keyType, other)), ownerId }
      const id = input.sourceId ?? input.siteId ?? input.developerId
      expect(readRefusal(await testServices.keys.create(input))).toBe(
        `invalid: ${belongsTo} ${id} and user ${ownerId} belong to different accounts`,
      )
    }
  })

  test('is refused for an owner who may not own keys, is deactivated, or lacks a username that the type presents', async () => {
    const { accountId, owner, ownerId } = tenant
    for (const role of ['member', 'operator'] as const) {
      unwrap(await testServices.users.setRole(ownerId, role))
      expect(await createAndReadRefusal('xdent', {})).toBe(
        `invalid: ${owner.email} is ${role}: only an engineer or an administrator can own a key`,
      )
    }
    const input = { accountId, email: 'nameless@acme.example', role: 'engineer' } as const
    const nameless = unwrap(await testServices.users.add(input))
    expect(await createAndReadRefusal('practice', { ownerId: nameless.id })).toBe(
      'invalid: the owner needs a username, with which their keys are presented: set it first',
    )
    unwrap(await testServices.users.deactivate(nameless.id))
    expect(await createAndReadRefusal('xdent', { ownerId: nameless.id })).toBe(
      'invalid: nameless@acme.example is deactivated',
    )
  })

  test('is refused with the public id or secret of another key, and for a source that has a key', async () => {
    const taken = 'conflict: the public id or the secret is taken: another key has it'
    const { key, secret } = await create('xdent')
    expect(await createAndReadRefusal('practice', { publicId: key.publicId })).toBe(taken)
    expect(await createAndReadRefusal('practice', { secret })).toBe(taken)
    const exchanged = await create('redox')
    const { sourceId } = exchanged.key
    expect(await createAndReadRefusal('redox', { sourceId: sourceId ?? '', publicId: 'p' })).toBe(
      `conflict: source ${sourceId} has a key already, or the public id p is taken: ` +
        'revoke that key first, or create another source',
    )
  })

  test('is refused with a current or previous secret of another key, also after rotations of the key ring', async () => {
    const taken = 'conflict: the public id or the secret is taken: another key has it'
    const { key, secret } = await create('xdent')
    await testServices.rotateRing('digest')
    expect(await createAndReadRefusal('xdent', { secret })).toBe(taken)
    const rotated = unwrap(await testServices.keys.rotateSecret(key.id, { overlapMs: 1 }))
    await testServices.rotateRing('digest')
    expect(await createAndReadRefusal('xdent', { secret })).toBe(taken)
    expect(await createAndReadRefusal('xdent', { secret: rotated.secret })).toBe(taken)
  })
})
