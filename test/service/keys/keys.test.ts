import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listAccessLevels } from '../../../src/domain/key.ts'
import { getKeyTypeTraits, KEY_TYPE_NAMES, type KeyType } from '../../../src/domain/key-type.ts'
import type { CreateKeyInput } from '../../../src/service/keys/input.ts'
import { createKeys } from '../../../src/service/keys/keys.ts'
import type { ServiceResult } from '../../../src/service/service-result.ts'
import { SECRET_CLIENT } from '../../support/oauth.ts'
import { unwrap } from '../../support/server.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'

let testServices: TestServices
let tenant: Awaited<ReturnType<TestServices['seedTenant']>>
beforeEach(async () => {
  testServices = await openTestServices()
  tenant = await testServices.seedTenant()
})
afterEach(() => testServices.close())

const readRefusal = (result: ServiceResult<unknown>): string => {
  if (result.ok) throw new Error('it was done')
  return `${result.failure.problem}: ${result.failure.message}`
}

/** A key of this type, of the tenant, with all that it belongs to. */
async function createKeyInput<Type extends KeyType>(
  keyType: Type,
  of = tenant,
): Promise<CreateKeyInput & { keyType: Type }> {
  const { accountId, ownerId, site, developer } = of
  const common = { keyType, ownerId, name: 'nightly job' }
  switch (getKeyTypeTraits(keyType).belongsTo) {
    case 'source':
      return {
        ...common,
        sourceId: unwrap(await testServices.sources.add({ accountId, name: 'S' })).id,
      }
    case 'site':
      return { ...common, siteId: site.id }
    case 'developer':
      return { ...common, developerId: developer.id }
    case 'owner':
      return keyType === 'oauth' ? { ...common, oauthClient: SECRET_CLIENT } : common
  }
}
const create = async <Type extends KeyType>(
  keyType: Type,
  more: Partial<Omit<CreateKeyInput, 'keyType'>> = {},
) => unwrap(await testServices.keys.create({ ...(await createKeyInput(keyType)), ...more }))
const createAndReadRefusal = async (
  keyType: KeyType,
  more: Partial<Omit<CreateKeyInput, 'keyType'>>,
) => readRefusal(await testServices.keys.create({ ...(await createKeyInput(keyType)), ...more }))

const SECRET_CLIENT_FACTS = {
  authenticationMethod: 'client_secret_basic',
  scopes: 'fhir:production',
}
const EXPECTED_SECRET_CLIENT = {
  ...SECRET_CLIENT,
  jwksUrl: null,
  jwks: null,
  audience: null,
  tokenStrategy: 'jwt',
  signingAlgorithm: 'ES256',
  tokenTypeHeader: 'at+jwt',
  tokenLifetimeSeconds: 300,
  repeatedAssertions: 'refused',
  sourceIds: [],
  siteIds: [],
  lastRefusal: null,
}

const NO_KEY = 'not_found: there is no key nobody'
const LONG = 'x'.repeat(201)

describe('a key is made', () => {
  test.each(KEY_TYPE_NAMES)(
    'of %s: shown once with its secret, kept as its key type needs it',
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

  test('with what another system issued: public id, secret and expiry', async () => {
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

  test('once, however often it is asked for by the same id, and however many at a time', async () => {
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
  ])('not with %s (%s)', async (_, keyType, more, sentence) => {
    expect(await createAndReadRefusal(keyType, more)).toBe(sentence)
  })

  test('not to expire before it begins', async () => {
    for (const expiresAt of [testServices.clock(), testServices.clock() - 1, 0]) {
      expect(await createAndReadRefusal('xdent', { expiresAt })).toBe(
        'invalid: the expiry must be in the future',
      )
    }
  })

  test('not of what is another account’s', async () => {
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

  test('not for who may not hold one, has left, or has no username where one is presented', async () => {
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

  test('not with the public id or secret of another, nor a second one of a source', async () => {
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

  test('not with a secret that another key has or had, whatever became of the key ring since', async () => {
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

describe('a key is viewed', () => {
  test.each(KEY_TYPE_NAMES)(
    'again where its key type (%s) has it, and each view is an event',
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

  test('never without its event', async () => {
    const { key } = await create('practice')
    const storage = {
      ...testServices.storage,
      addEvent: () => Promise.reject(new Error('disk full')),
    }
    await expect(createKeys({ ...testServices, storage }).viewSecret(key.id)).rejects.toThrow(
      'disk full',
    )
  })

  test('from its own row alone: a sealed secret that was moved does not open', async () => {
    const [a, b] = [await create('practice'), await create('practice')]
    const sealed = await testServices.storage.findSealedSecret(a.key.id)
    const storage = { ...testServices.storage, findSealedSecret: async () => sealed }
    await expect(createKeys({ ...testServices, storage }).viewSecret(b.key.id)).rejects.toThrow()
  })
})

describe('a key is disabled and enabled', () => {
  const PARTIES = ['developer', 'customer', 'operator'] as const
  const WHO = { developer: 'its developer', customer: 'its customer', operator: 'the operator' }

  test.each(PARTIES)('by %s, who alone undoes it; to do it again changes nothing', async (by) => {
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
    const sentence = `conflict: key ${key.publicId} was disabled by ${WHO[by]}: only they can enable it`
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
  })

  test.each(KEY_TYPE_NAMES.filter((keyType) => keyType !== 'opendental'))(
    'by no party that its type does not have: %s',
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

  test('by the operator where nobody is named', async () => {
    const { key } = await create('xdent')
    expect(unwrap(await testServices.keys.disable(key.id)).disabledBy).toBe('operator')
    expect(unwrap(await testServices.keys.enable(key.id)).status).toBe('enabled')
  })

  test('never where there is none, and never again once it is revoked', async () => {
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

describe('a key is removed', () => {
  test.each(KEY_TYPE_NAMES)(
    'where its key type (%s) has it; the audit says what it was',
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

test('an access that would be without effect is refused, made or edited', async () => {
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

describe('a key is edited', () => {
  test('in what is named; all else stays as it is, and the event says what is new', async () => {
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

  test('only as its editor has seen it', async () => {
    const { key } = await create('xdent')
    const { keys } = testServices
    const first = unwrap(await keys.edit(key.id, { name: 'first', seen: key.eventId }))
    expect(readRefusal(await keys.edit(key.id, { name: 'second', seen: key.eventId }))).toBe(
      `conflict: key ${key.publicId} was changed by another user: check it and try again`,
    )
    expect(unwrap(await keys.find(key.id))).toEqual(first)
    unwrap(await keys.edit(key.id, { name: 'second', seen: first.eventId }))
  })

  test('to an expiry of the future, and to none that has passed, unless it has it already', async () => {
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

  test('to no name, description or reference that could not be given to a new one', async () => {
    const { key } = await create('xdent')
    const edit = async (change: object) => readRefusal(await testServices.keys.edit(key.id, change))
    expect(await edit({ name: '' })).toBe('invalid: the name must not be blank')
    expect(await edit({ reference: LONG })).toContain('the reference must not be longer')
    expect(await edit({ description: '\u0000' })).toContain('the description must be plain text')
    expect(readRefusal(await testServices.keys.edit('nobody', {}))).toBe(NO_KEY)
    expect(await testServices.listActions(key.id)).toEqual(['key.created'])
  })

  test('to another owner of its account, who may hold keys and is there', async () => {
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

describe('a key is assigned', () => {
  test('to an office’s site, also of another account, and taken back', async () => {
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

  test('only where its key type has it, to a site that is one, while it is not revoked', async () => {
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

describe('a key’s secret is rotated', () => {
  test('at once, or with an overlap that the event tells', async () => {
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

  test('once, however often the same page asks for it, and however many at a time', async () => {
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

  test('to one that another system issued, unless another key has it, or had it', async () => {
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

describe('an owner leaves', () => {
  test.each(['keep', 'disable'] as const)(
    'and the keys of the user are flagged, or disabled: %s',
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
