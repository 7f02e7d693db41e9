import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DIALECT_NAMES, type Dialect, traitsOf } from '../../src/domain/dialect.ts'
import { accessesOf } from '../../src/domain/key.ts'
import type { KeyWish } from '../../src/service/keys/wish.ts'
import { createKeys } from '../../src/service/keys.ts'
import type { Done } from '../../src/service/operator.ts'
import { type Core, openCore } from '../support/core.ts'
import { done } from '../support/server.ts'

let core: Core
let tenant: Awaited<ReturnType<Core['seedTenant']>>
beforeEach(async () => {
  core = await openCore()
  tenant = await core.seedTenant()
})
afterEach(() => core.close())

/** What went wrong, as the operator reads it. */
const refusal = (result: Done<unknown>): string => {
  if (result.ok) throw new Error('it was done')
  return `${result.failure.problem}: ${result.failure.message}`
}

/** A key of this dialect, of the tenant, with all that it belongs to. */
async function wishOf(dialect: Dialect, of = tenant): Promise<KeyWish> {
  const { accountId, ownerId, site, developer } = of
  const common = { dialect, ownerId, name: 'nightly job' }
  switch (traitsOf(dialect).belongsTo) {
    case 'source':
      return { ...common, sourceId: done(await core.routes.addSource({ accountId, name: 'S' })).id }
    case 'site':
      return { ...common, siteId: site.id }
    case 'developer':
      return { ...common, developerId: developer.id }
    case 'owner':
      return common
  }
}
const create = async (dialect: Dialect, more: Partial<KeyWish> = {}) =>
  done(await core.keys.create({ ...(await wishOf(dialect)), ...more }))
const tryCreate = async (dialect: Dialect, more: Partial<KeyWish>) =>
  refusal(await core.keys.create({ ...(await wishOf(dialect)), ...more }))

const NO_KEY = 'not_found: there is no key nobody'
const LONG = 'x'.repeat(201)

describe('a key is made', () => {
  test.each(DIALECT_NAMES)(
    'of %s: shown once with its secret, kept as its dialect needs it',
    async (dialect) => {
      const [access] = accessesOf(dialect)
      const { key, secret } = await create(dialect, {
        name: ' n ',
        description: ' a\nb ',
        reference: ' PO-1 ',
        access,
      })
      const { ownerId, accountId, site, developer } = tenant
      const { belongsTo, form, secret: kept } = traitsOf(dialect)
      expect(key).toEqual({
        id: key.id,
        accountId,
        ownerId,
        dialect,
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
        createdAt: core.clock(),
        disabledAt: null,
        revokedAt: null,
        secretReplacedAt: null,
        previousSecretEndsAt: null,
        lastUsedAt: null,
        eventId: key.eventId,
      })
      expect(secret).toMatch(form === 'code' ? /^[A-Z0-9]{16}$/ : /^lk_[\w-]{49}$/)
      const row = await core.storage.findKey(key.publicId)
      const hash = row?.secretHash ?? ''
      expect(hash.split(/[$.]/).slice(0, 2)).toContain(kept === 'exchanged' ? 'argon2id' : 'hmac')
      const sealed = await core.storage.findSealedSecret(key.id)
      expect(sealed === null).toBe(kept !== 'viewable')
      expect(`${hash} ${sealed}`).not.toContain(secret)
      const [event] = await core.storage.listEvents({ subject: key.id, limit: 9 })
      expect(event).toMatchObject({ action: 'key.created', actor: 'operator', id: key.eventId })
      const place = { sourceId: key.sourceId, siteId: key.siteId, developerId: key.developerId }
      const facts = Object.entries(place).filter(([, id]) => id !== null)
      expect(event?.facts).toEqual({
        dialect,
        publicId: key.publicId,
        ownerId,
        ...Object.fromEntries(facts),
      })
    },
  )

  test('with what another system issued: public id, secret and expiry', async () => {
    const issued = { publicId: 'KID-1', secret: 'Imported+Secret/=', expiresAt: core.clock() + 1 }
    for (const dialect of DIALECT_NAMES) {
      const publicId = `${dialect} 1`.replace(' ', '-')
      const secret = `${dialect}${issued.secret}`
      const made = await create(dialect, { ...issued, publicId, secret })
      expect([made.key.publicId, made.key.expiresAt]).toEqual([publicId, issued.expiresAt])
      expect(made.secret).toBe(secret)
    }
  })

  test('once, however often it is asked for by the same id, and however many at a time', async () => {
    const id = '01990000-0000-7000-8000-000000000001'
    const wish = { ...(await wishOf('xdent')), id }
    const both = await Promise.all([core.keys.create(wish), core.keys.create(wish)])
    expect(both.map(({ ok }) => ok).sort()).toEqual([false, true])
    const told = `conflict: key ${id} was made already: its secret is not shown again`
    expect(both.filter(({ ok }) => !ok).map(refusal)).toEqual([told])
    expect(refusal(await core.keys.create(wish))).toBe(told)
    expect(await tryCreate('xdent', { id: 'mine' })).toBe('invalid: "mine" is not a UUID')
    expect(await core.storage.listKeys({ ownerId: tenant.ownerId, limit: 9 })).toHaveLength(1)
  })

  test.each<[string, Dialect, Partial<KeyWish>, string]>([
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
      (publicId): [string, Dialect, Partial<KeyWish>, string] => [
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
      (dialect): [string, Dialect, Partial<KeyWish>, string] => [
        'a secret that fits no header',
        dialect as Dialect,
        { secret: `${'x'.repeat(16)} ü` },
        'invalid: a secret that is sent in a header must be printable ASCII without blanks',
      ],
    ),
    [
      'a mistyped secret of ours',
      'xenrad',
      { secret: `lk_${'a'.repeat(49)}` },
      'invalid: the secret begins with lk_ as ours do, but its checksum is wrong',
    ],
    [
      'an owner who is nobody',
      'xdent',
      { ownerId: 'nobody' },
      'not_found: there is no user nobody',
    ],
    [
      'no source',
      'redox',
      { sourceId: undefined },
      'invalid: a key of this dialect needs a source',
    ],
    ['no site', 'xenrad', { siteId: undefined }, 'invalid: a key of this dialect needs a site'],
    [
      'no developer',
      'opendental',
      { developerId: undefined },
      'invalid: a key of this dialect needs a developer',
    ],
    [
      'no developer',
      'opendental-portal',
      { developerId: undefined },
      'invalid: a key of this dialect needs a developer',
    ],
    ['a source', 'xdent', { sourceId: 's' }, 'invalid: keys of this dialect have no source'],
    ['a site', 'practice', { siteId: 's' }, 'invalid: keys of this dialect have no site'],
    [
      'a developer',
      'xenrad',
      { developerId: 'd' },
      'invalid: keys of this dialect have no developer',
    ],
    ['a site', 'redox', { siteId: 's' }, 'invalid: keys of this dialect have no site'],
    ['a source that is none', 'redox', { sourceId: 'none' }, 'not_found: there is no source none'],
    ['a site that is none', 'xenrad', { siteId: 'none' }, 'not_found: there is no site none'],
    [
      'a developer who is nobody',
      'opendental',
      { developerId: 'none' },
      'not_found: there is no developer none',
    ],
  ])('not with %s (%s)', async (_, dialect, more, sentence) => {
    expect(await tryCreate(dialect, more)).toBe(sentence)
  })

  test('not to expire before it begins', async () => {
    for (const expiresAt of [core.clock(), core.clock() - 1, 0]) {
      expect(await tryCreate('xdent', { expiresAt })).toBe(
        'invalid: the expiry must be in the future',
      )
    }
  })

  test('not of what is another account’s', async () => {
    const other = await core.seedTenant()
    const { ownerId } = tenant
    for (const dialect of ['redox', 'xenrad', 'opendental', 'opendental-portal'] as const) {
      const { belongsTo } = traitsOf(dialect)
      const wish = { ...(await wishOf(dialect, other)), ownerId }
      const id = wish.sourceId ?? wish.siteId ?? wish.developerId
      expect(refusal(await core.keys.create(wish))).toBe(
        `invalid: ${belongsTo} ${id} and user ${ownerId} belong to different accounts`,
      )
    }
  })

  test('not for who may not hold one, has left, or has no username where one is presented', async () => {
    const { accountId, owner, ownerId } = tenant
    for (const role of ['member', 'operator'] as const) {
      done(await core.accounts.setRole(ownerId, role))
      expect(await tryCreate('xdent', {})).toBe(
        `invalid: ${owner.email} is ${role}: only an engineer or administrator may hold a key`,
      )
    }
    const wish = { accountId, email: 'nameless@acme.example', role: 'engineer' } as const
    const nameless = done(await core.accounts.addUser(wish))
    expect(await tryCreate('practice', { ownerId: nameless.id })).toBe(
      'invalid: the owner needs a username: their keys are presented with it',
    )
    done(await core.accounts.leave(nameless.id))
    expect(await tryCreate('xdent', { ownerId: nameless.id })).toBe(
      'invalid: nameless@acme.example has left',
    )
  })

  test('not with the public id or secret of another, nor a second one of a source', async () => {
    const taken = 'conflict: the public id or the secret is taken: another key has it'
    const { key, secret } = await create('xdent')
    expect(await tryCreate('practice', { publicId: key.publicId })).toBe(taken)
    expect(await tryCreate('practice', { secret })).toBe(taken)
    const exchanged = await create('redox')
    const { sourceId } = exchanged.key
    expect(await tryCreate('redox', { sourceId: sourceId ?? '', publicId: 'p' })).toBe(
      `conflict: source ${sourceId} has a key already, or the public id p is taken: ` +
        'revoke that key first, or make another source',
    )
  })

  test('not with a secret that another key has or had, whatever became of the key ring since', async () => {
    const taken = 'conflict: the public id or the secret is taken: another key has it'
    const { key, secret } = await create('xdent')
    await core.rotateRing('digest')
    expect(await tryCreate('xdent', { secret })).toBe(taken)
    const rotated = done(await core.keys.rotateSecret(key.id, { overlapMs: 1 }))
    await core.rotateRing('digest')
    expect(await tryCreate('xdent', { secret })).toBe(taken)
    expect(await tryCreate('xdent', { secret: rotated.secret })).toBe(taken)
  })
})

describe('a key is viewed', () => {
  test.each(DIALECT_NAMES)(
    'again where its dialect (%s) has it, and each view is an event',
    async (dialect) => {
      const { key, secret } = await create(dialect)
      await core.rotateRing('seal')
      const viewed = await core.keys.view(key.publicId)
      if (traitsOf(dialect).secret !== 'viewable') {
        expect(refusal(viewed)).toBe(
          `conflict: a secret of this dialect (${dialect}) is shown once: rotate it`,
        )
        expect(await core.actionsOf(key.id)).toEqual(['key.created'])
        return
      }
      expect(done(viewed)).toEqual({ key, secret })
      done(await core.keys.view(key.id))
      expect(await core.actionsOf(key.id)).toEqual(['key.created', 'key.viewed', 'key.viewed'])
      const rotated = done(await core.keys.rotateSecret(key.id, {}))
      expect(done(await core.keys.view(key.id)).secret).toBe(rotated.secret)
    },
  )

  test('never without its event', async () => {
    const { key } = await create('practice')
    const storage = { ...core.storage, addEvent: () => Promise.reject(new Error('disk full')) }
    await expect(createKeys({ ...core, storage }).view(key.id)).rejects.toThrow('disk full')
  })

  test('from its own row alone: a sealed secret that was moved does not open', async () => {
    const [a, b] = [await create('practice'), await create('practice')]
    const sealed = await core.storage.findSealedSecret(a.key.id)
    const storage = { ...core.storage, findSealedSecret: async () => sealed }
    await expect(createKeys({ ...core, storage }).view(b.key.id)).rejects.toThrow()
  })
})

describe('a key is disabled and enabled', () => {
  const PARTIES = ['developer', 'customer', 'operator'] as const
  const WHO = { developer: 'its developer', customer: 'its customer', operator: 'the operator' }

  test.each(PARTIES)('by %s, who alone undoes it; to do it again changes nothing', async (by) => {
    const { key } = await create('xdent')
    const { keys } = core
    const disabled = done(await keys.disable(key.id, by))
    expect(disabled).toMatchObject({ status: 'disabled', disabledBy: by, disabledAt: core.clock() })
    core.clock.turn(5)
    expect(done(await keys.disable(key.id, by))).toEqual(disabled)
    const sentence = `conflict: key ${key.publicId} was disabled by ${WHO[by]}, who alone can enable it`
    for (const other of PARTIES.filter((party) => party !== by)) {
      expect(refusal(await keys.enable(key.id, other))).toBe(sentence)
      expect(refusal(await keys.disable(key.id, other))).toBe(sentence)
    }
    const enabled = done(await keys.enable(key.publicId, by))
    expect(enabled).toEqual({ ...key, eventId: enabled.eventId })
    for (const other of PARTIES) expect(done(await keys.enable(key.id, other))).toEqual(enabled)
    expect(await core.actionsOf(key.id)).toEqual(['key.created', 'key.disabled', 'key.enabled'])
  })

  test('by the operator where nobody is named', async () => {
    const { key } = await create('xdent')
    expect(done(await core.keys.disable(key.id)).disabledBy).toBe('operator')
    expect(done(await core.keys.enable(key.id)).status).toBe('enabled')
  })

  test('never where there is none, and never again once it is revoked', async () => {
    const { keys } = core
    for (const act of [keys.enable, keys.disable, keys.revoke, keys.view, keys.remove, keys.find]) {
      expect(refusal(await act('nobody'))).toBe(NO_KEY)
    }
    const { key } = await create('xdent')
    const revoked = done(await keys.revoke(key.id))
    expect(revoked).toMatchObject({ status: 'revoked', revokedAt: core.clock() })
    const final = `conflict: key ${key.publicId} is revoked, and that is final: create another`
    for (const act of [keys.enable, keys.disable, keys.revoke]) {
      expect(refusal(await act(key.id))).toBe(final)
    }
    expect(refusal(await keys.edit(key.id, { name: 'x' }))).toBe(final)
    expect(refusal(await keys.rotateSecret(key.id, {}))).toBe(final)
    expect(done(await keys.find(key.id))).toEqual(revoked)
  })
})

describe('a key is removed', () => {
  test.each(DIALECT_NAMES)(
    'where its dialect (%s) has it; the audit says what it was',
    async (dialect) => {
      const { key } = await create(dialect)
      const removed = await core.keys.remove(key.publicId)
      if (!traitsOf(dialect).deletable) {
        expect(refusal(removed)).toBe(
          `conflict: keys of this dialect (${dialect}) stay listed: revoke it`,
        )
        expect(done(await core.keys.find(key.id))).toEqual(key)
        return
      }
      expect(removed).toEqual({ ok: true, value: undefined })
      expect(refusal(await core.keys.find(key.id))).toBe(`not_found: there is no key ${key.id}`)
      const [event] = await core.storage.listEvents({ subject: key.id, limit: 1 })
      expect(event).toMatchObject({
        action: 'key.deleted',
        facts: { dialect, publicId: key.publicId, name: 'nightly job' },
      })
    },
  )
})

test('an access that would be without effect is refused, made or edited', async () => {
  for (const dialect of DIALECT_NAMES) {
    const { key } = await create(dialect)
    const accesses = accessesOf(dialect)
    for (const access of ['read', 'standard', 'enterprise'] as const) {
      if (accesses.includes(access)) {
        expect(done(await core.keys.edit(key.id, { access })).access).toBe(access)
        continue
      }
      const words = `invalid: keys of this dialect (${dialect}) cannot have the access ${access}: ${accesses.join(' or ')}`
      expect(await tryCreate(dialect, { access })).toBe(words)
      expect(refusal(await core.keys.edit(key.id, { access }))).toBe(words)
    }
  }
})

describe('a key is edited', () => {
  test('in what is named; all else stays as it is, and the event says what is new', async () => {
    const expiresAt = core.clock() + 1000
    const { key } = await create('xdent', { description: 'd', reference: 'r', expiresAt })
    const edited = done(await core.keys.edit(key.id, { name: ' new ', description: '' }))
    expect(edited).toEqual({ ...key, name: 'new', description: '', eventId: edited.eventId })
    const [event] = await core.storage.listEvents({ subject: key.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'key.edited',
      facts: { name: 'new', description: '' },
      id: edited.eventId,
    })
    const endless = done(await core.keys.edit(key.id, { expiresAt: null, access: 'read' }))
    expect(endless).toEqual({
      ...edited,
      expiresAt: null,
      access: 'read',
      eventId: endless.eventId,
    })
  })

  test('only as its editor has seen it', async () => {
    const { key } = await create('xdent')
    const { keys } = core
    const first = done(await keys.edit(key.id, { name: 'first', seen: key.eventId }))
    expect(refusal(await keys.edit(key.id, { name: 'second', seen: key.eventId }))).toBe(
      `conflict: key ${key.publicId} was changed by somebody else: look at it again`,
    )
    expect(done(await keys.find(key.id))).toEqual(first)
    done(await keys.edit(key.id, { name: 'second', seen: first.eventId }))
  })

  test('to an expiry of the future, and to none that has passed, unless it has it already', async () => {
    const expiresAt = core.clock() + 1000
    const { key } = await create('xdent', { expiresAt })
    expect(refusal(await core.keys.edit(key.id, { expiresAt: core.clock() }))).toBe(
      'invalid: the expiry must be in the future: to end a key now, revoke it',
    )
    core.clock.turn(2000)
    expect(done(await core.keys.edit(key.id, { name: 'expired' })).expiresAt).toBe(expiresAt)
  })

  test('to no name, description or reference that could not be given to a new one', async () => {
    const { key } = await create('xdent')
    const edit = async (change: object) => refusal(await core.keys.edit(key.id, change))
    expect(await edit({ name: '' })).toBe('invalid: the name must not be blank')
    expect(await edit({ reference: LONG })).toContain('the reference must not be longer')
    expect(await edit({ description: '\u0000' })).toContain('the description must be plain text')
    expect(refusal(await core.keys.edit('nobody', {}))).toBe(NO_KEY)
    expect(await core.actionsOf(key.id)).toEqual(['key.created'])
  })

  test('to another owner of its account, who may hold keys and is there', async () => {
    const { accountId } = tenant
    const { key } = await create('practice')
    const edit = async (ownerId: string) => refusal(await core.keys.edit(key.id, { ownerId }))
    const add = async (email: string, more: object = {}) =>
      done(await core.accounts.addUser({ accountId, email, role: 'engineer', ...more }))
    const [member, gone, nameless, heir] = [
      await add('member@acme.example', { role: 'member' }),
      await add('gone@acme.example', { username: 'gone' }),
      await add('nameless@acme.example'),
      await add('heir@acme.example', { username: 'heir' }),
    ]
    done(await core.accounts.leave(gone.id))
    const stranger = (await core.seedTenant()).owner
    expect(await edit('nobody')).toBe('not_found: there is no user nobody')
    expect(await edit(stranger.id)).toBe(`invalid: user ${stranger.id} is of another account`)
    expect(await edit(gone.id)).toBe('invalid: gone@acme.example has left')
    expect(await edit(member.id)).toContain('only an engineer or administrator may hold a key')
    expect(await edit(nameless.id)).toContain('the owner needs a username')
    const moved = done(await core.keys.edit(key.id, { ownerId: heir.id }))
    expect(moved).toEqual({ ...key, ownerId: heir.id, eventId: moved.eventId })
    expect(await core.actionsOf(key.id)).toEqual(['key.created', 'key.transferred'])
  })
})

describe('a key is assigned', () => {
  test('to an office’s site, also of another account, and taken back', async () => {
    const { key } = await create('opendental')
    const { site } = await core.seedTenant()
    const at = core.clock()
    const assigned = done(await core.keys.assign(key.id, site.id))
    expect(assigned).toMatchObject({ siteId: site.id, assignedAt: at })
    const back = done(await core.keys.assign(key.publicId, null))
    expect(back).toEqual({ ...key, eventId: back.eventId })
    expect(await core.actionsOf(key.id)).toEqual([
      ...['key.created', 'key.assigned', 'key.unassigned'],
    ])
  })

  test('only where its dialect has it, to a site that is one, while it is not revoked', async () => {
    for (const dialect of DIALECT_NAMES.filter((name) => name !== 'opendental')) {
      const { key } = await create(dialect)
      expect(refusal(await core.keys.assign(key.id, tenant.site.id))).toBe(
        `conflict: keys of this dialect (${dialect}) are not assigned`,
      )
    }
    const { key } = await create('opendental')
    expect(refusal(await core.keys.assign('nobody', null))).toBe(NO_KEY)
    expect(refusal(await core.keys.assign(key.id, 'none'))).toBe('not_found: there is no site none')
    done(await core.keys.revoke(key.id))
    expect(refusal(await core.keys.assign(key.id, tenant.site.id))).toContain('that is final')
  })
})

describe('a key’s secret is rotated', () => {
  test('at once, or with an overlap that the event tells', async () => {
    const { key } = await create('xdent')
    const at = core.clock()
    const overlap = done(await core.keys.rotateSecret(key.id, { overlapMs: 500 }))
    expect(overlap.key).toMatchObject({ secretReplacedAt: at, previousSecretEndsAt: at + 500 })
    const [event] = await core.storage.listEvents({ subject: key.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'key.secret_rotated',
      facts: { overlapEndsAt: at + 500 },
    })
    const atOnce = done(await core.keys.rotateSecret(key.id, {}))
    expect(atOnce.key.previousSecretEndsAt).toBeNull()
    expect(atOnce.secret).not.toBe(overlap.secret)
  })

  test('once, however often the same page asks for it, and however many at a time', async () => {
    const { key } = await create('xdent')
    const ask = () => core.keys.rotateSecret(key.id, { seen: key.eventId, overlapMs: 500 })
    const both = await Promise.all([ask(), ask()])
    expect(both.map(({ ok }) => ok).sort()).toEqual([false, true])
    const told = `conflict: key ${key.publicId} was changed since you looked at it: look again`
    expect(both.filter(({ ok }) => !ok).map(refusal)).toEqual([told])
    expect(refusal(await ask())).toBe(told)
    done(await core.keys.revoke(key.id))
    expect(refusal(await ask())).toContain('that is final')
  })

  test('to one that another system issued, unless another key has it, or had it', async () => {
    const taken = 'conflict: the public id or the secret is taken: another key has it'
    const [a, b] = [await create('xdent'), await create('practice')]
    const rotate = async (secret: string) =>
      core.keys.rotateSecret(b.key.id, { secret, overlapMs: 1 })
    expect(refusal(await rotate(a.secret))).toBe(taken)
    await core.rotateRing('digest')
    expect(refusal(await rotate(a.secret))).toBe(taken)
    expect(refusal(await rotate('short'))).toContain('a secret must have 16 to 512 characters')
    expect(done(await rotate('another-system-1')).secret).toBe('another-system-1')
    expect(refusal(await core.keys.rotateSecret('nobody', {}))).toBe(NO_KEY)
  })
})

describe('an owner leaves', () => {
  test.each(['keep', 'disable'] as const)(
    'and his keys are flagged, or disabled: %s',
    async (choice) => {
      const { accountId, ownerId, owner } = tenant
      done(await core.accounts.setDepartedKeys(accountId, choice))
      const { key } = await create('xdent')
      const left = done(await core.accounts.leave(ownerId))
      expect(left).toEqual({ ...owner, leftAt: core.clock() })
      const after = done(await core.keys.find(key.id))
      expect(after.status).toBe(choice === 'keep' ? 'enabled' : 'disabled')
      expect(refusal(await core.accounts.leave(ownerId))).toBe(
        `conflict: ${owner.email} has left already`,
      )
      expect(refusal(await core.accounts.leave('nobody'))).toBe(
        'not_found: there is no user nobody',
      )
      // Whoever has his keys now may go on with them.
      const enabled = done(await core.keys.enable(key.id))
      expect(done(await core.keys.edit(key.id, { name: 'orphan' })).status).toBe(enabled.status)
    },
  )
})
