import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Credential } from '../../src/domain/credential.ts'
import { createAuthenticate } from '../../src/service/authenticate.ts'
import { createGuesses } from '../../src/service/guesses.ts'
import { createPace } from '../../src/service/pace.ts'
import { createStandings } from '../../src/service/standing.ts'
import { createUses } from '../../src/service/uses.ts'
import { type Core, counting, openCore } from '../support/core.ts'
import { done } from '../support/server.ts'

let core: Core
afterEach(() => core.close())

const HERE = '203.0.113.7'
const UNKNOWN = { ok: false, failure: { reason: 'key_unknown' } }

/** Everything that a request is judged by, on a database whose reads are counted. */
function gate({ perAddress = 1000, limit = 1000 } = {}) {
  const { clock, digester, log } = core
  const { storage, calls } = counting(core.storage)
  const authenticate = createAuthenticate({
    standings: createStandings(storage),
    digester,
    guesses: createGuesses({ perAddress, windowMs: 60_000 }, clock),
    pace: createPace({ limit, windowMs: 60_000 }, clock),
    uses: createUses(core.storage, clock, log, () => undefined, { admitted: () => undefined }),
    clock,
    region: 'us',
  })
  return {
    calls,
    ask: (credential: Credential, address = HERE) =>
      authenticate(credential, { address, requestId: 'r', path: '/' }),
  }
}

type Tenant = Awaited<ReturnType<Core['seedTenant']>>

/** A key of each dialect that is presented, and how it is presented. */
async function seedKeys({ ownerId, username, site, developer }: Tenant) {
  const make = async (wish: Parameters<typeof core.keys.create>[0]) =>
    done(await core.keys.create(wish))
  const common = { ownerId, name: 'key' }
  const { developerKey } = developer
  const xenrad = await make({ ...common, dialect: 'xenrad', siteId: site.id })
  const customer = await make({ ...common, dialect: 'opendental', developerId: developer.id })
  done(await core.keys.assign(customer.key.id, site.id))
  const portal = await make({ ...common, dialect: 'opendental-portal', developerId: developer.id })
  const xdent = await make({ ...common, dialect: 'xdent' })
  const practice = await make({ ...common, dialect: 'practice' })
  const present = {
    xenrad: (secret: string): Credential => ({ dialect: 'xenrad', secret }),
    opendental: (secret: string): Credential => ({ dialect: 'opendental', developerKey, secret }),
    xdent: (secret: string): Credential => ({
      dialect: 'xdent',
      publicId: xdent.key.publicId,
      secret,
    }),
    practice: (secret: string): Credential => ({ dialect: 'practice', username, secret }),
  }
  const keys = [
    { ...xenrad, present: present.xenrad },
    { ...customer, present: present.opendental },
    { ...portal, present: present.opendental },
    { ...xdent, present: present.xdent },
    { ...practice, present: present.practice },
  ]
  return { keys, present }
}

let tenant: Tenant
let keys: Awaited<ReturnType<typeof seedKeys>>['keys']
let present: Awaited<ReturnType<typeof seedKeys>>['present']
beforeEach(async () => {
  core = await openCore()
  tenant = await core.seedTenant()
  ;({ keys, present } = await seedKeys(tenant))
})

const keyOf = (dialect: string) => {
  const found = keys.find(({ key }) => key.dialect === dialect)
  if (found === undefined) throw new Error(`no key of ${dialect}`)
  return found
}

describe('a credential of any dialect', () => {
  test('opens its key, and no secret opens another’s or another dialect’s surface', async () => {
    const { ask } = gate()
    for (const { key, secret, present: own } of keys) {
      expect(await ask(own(secret))).toMatchObject({ ok: true, value: { id: key.id } })
    }
    for (const shape of Object.values(present)) {
      for (const { key, secret, present: own } of keys) {
        if (shape === own) continue
        const answer = await ask(shape(secret))
        const wrong = { reason: 'secret_wrong', keyId: keyOf('xdent').key.id }
        const expected = shape === present.xdent ? { ok: false, failure: wrong } : UNKNOWN
        expect([key.dialect, answer]).toEqual([key.dialect, expected])
      }
    }
  })

  test('opens nothing with another tenant’s developer key, username or public id', async () => {
    const { ask } = gate()
    const other = await core.seedTenant()
    const { keys: others } = await seedKeys(other)
    const othersId = others.find(({ key }) => key.dialect === 'xdent')?.key
    const { developerKey } = other.developer
    for (const dialect of ['opendental', 'opendental-portal']) {
      const { secret } = keyOf(dialect)
      expect(await ask({ dialect: 'opendental', developerKey, secret })).toEqual(UNKNOWN)
    }
    const { username } = other
    const practice: Credential = {
      dialect: 'practice',
      username,
      secret: keyOf('practice').secret,
    }
    expect(await ask(practice)).toEqual(UNKNOWN)
    const publicId = othersId?.publicId ?? ''
    expect(await ask({ dialect: 'xdent', publicId, secret: keyOf('xdent').secret })).toEqual({
      ok: false,
      failure: { reason: 'secret_wrong', keyId: othersId?.id },
    })
  })

  test('is told apart by case in every part', async () => {
    const { ask } = gate()
    const { secret } = keyOf('opendental')
    const { developerKey } = tenant.developer
    const swap = (text: string) =>
      Array.from(text, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())).join('')
    for (const credential of [
      present.opendental(swap(secret)),
      { dialect: 'opendental', developerKey: swap(developerKey), secret },
      {
        dialect: 'practice',
        username: swap(tenant.username),
        secret: keyOf('practice').secret,
      },
      { dialect: 'xdent', publicId: swap(keyOf('xdent').key.publicId), secret: null },
    ] as const) {
      expect(await ask(credential)).toEqual(UNKNOWN)
    }
  })

  test('of an id alone, an unknown id, an id of another dialect or of no shape', async () => {
    const { ask } = gate()
    const { key } = keyOf('xdent')
    const ask1 = (publicId: string, secret: string | null = 'x') =>
      ask({ dialect: 'xdent', publicId, secret })
    const missing = { reason: 'secret_missing', keyId: key.id }
    expect(await ask1(key.publicId, null)).toEqual({ ok: false, failure: missing })
    const wrong = { reason: 'secret_wrong', keyId: key.id }
    expect(await ask1(key.publicId, '')).toEqual({ ok: false, failure: wrong })
    for (const id of ['nobody', '', 'a b', 'x'.repeat(999), keyOf('practice').key.publicId]) {
      expect(await ask1(id)).toEqual(UNKNOWN)
      expect(await ask1(id, null)).toEqual(UNKNOWN)
    }
  })
})

describe('what is read', () => {
  test('of a garbled secret: nothing', async () => {
    const { ask, calls } = gate()
    const { secret } = keyOf('xenrad')
    const garbled = [secret.slice(0, -1), `${secret}x`, `lk_${'A'.repeat(49)}`, 'lk_', 'lk_x']
    for (const wrong of garbled) {
      for (const shape of [present.xenrad, present.opendental, present.practice]) {
        expect(await ask(shape(wrong))).toEqual(UNKNOWN)
      }
    }
    expect(calls).toEqual([])
  })

  test('of a secret that is seen again: the authority’s version, until that is raised', async () => {
    const { ask, calls } = gate()
    for (const { key, secret, present: own } of keys) {
      const find = key.dialect === 'xdent' ? 'findKey' : 'findKeyBySecret'
      expect((await ask(own(secret))).ok).toBe(true)
      expect(calls.splice(0)).toEqual(['authorityVersion', find])
      expect(await ask(own(secret))).toMatchObject({ ok: key.dialect !== 'opendental' })
      expect(calls.splice(0)).toEqual(['authorityVersion'])
      done(await core.places.enforceAddresses(tenant.accountId, true))
      core.clock.turn(5000)
      expect((await ask(own(secret))).ok).toBe(true)
      expect(calls.splice(0)).toEqual(['authorityVersion', find])
    }
  })

  test('of an unknown secret: one lookup for each key of the ring, and none is remembered', async () => {
    const { ask, calls } = gate()
    for (let n = 0; n < 2; n++) {
      expect(await ask(present.xenrad('imported-secret-9'))).toEqual(UNKNOWN)
      // The ring's current key and its next: another server may have rotated already.
      const once = ['authorityVersion', 'findKeyBySecret']
      expect(calls.splice(0)).toEqual([...once, ...once])
    }
  })

  test('of an id that opens nothing here: as much the second time, whether it is somebody’s or not', async () => {
    const { ask, calls } = gate()
    const { id: abroad } = done(
      await core.accounts.create({ name: 'Abroad', region: 'eu', otherRegion: true }),
    )
    const person = { accountId: abroad, email: 'a@abroad.example', role: 'engineer' } as const
    const owner = done(await core.accounts.addUser(person))
    const wish = { dialect: 'xdent', ownerId: owner.id, name: 'key' } as const
    const foreign = done(await core.keys.create(wish))
    const ids = ['nobody', keyOf('practice').key.publicId, foreign.key.publicId]
    for (const publicId of ids) {
      for (let n = 0; n < 3; n++) {
        expect(await ask({ dialect: 'xdent', publicId, secret: 'x' })).toEqual(UNKNOWN)
        expect(calls.splice(0)).toEqual(['authorityVersion', 'findKey'])
      }
    }
  })
})

describe('the secret before a rotation', () => {
  test('opens until the millisecond at which the overlap ends, the new one from the first', async () => {
    const { ask } = gate()
    for (const { key, secret, present: own } of keys) {
      const rotated = done(await core.keys.rotateSecret(key.id, { overlapMs: 60_000 }))
      const ends = core.clock() + 60_000
      const isOpen = async (tried: string) => {
        const answer = await ask(own(tried))
        return answer.ok && answer.value.id === key.id
      }
      expect(await isOpen(secret)).toBe(true)
      core.clock.turn(10_000)
      expect(await isOpen(rotated.secret)).toBe(true)
      core.clock.set(ends - 1)
      expect(await isOpen(secret)).toBe(true)
      core.clock.set(ends)
      expect(await isOpen(secret)).toBe(false)
      core.clock.turn(10_000)
      expect(await isOpen(rotated.secret)).toBe(true)
    }
  })

  test('opens nothing any more where there is no overlap', async () => {
    const { ask } = gate()
    for (const { key, secret, present: own } of keys) {
      const rotated = done(await core.keys.rotateSecret(key.id, {}))
      expect((await ask(own(secret))).ok).toBe(false)
      expect((await ask(own(rotated.secret))).ok).toBe(true)
    }
  })

  test('and every other opens whatever becomes of the key ring', async () => {
    const { ask } = gate()
    for (let n = 0; n < 3; n++) {
      await core.rotateRing('digest')
      core.clock.turn(10_000)
      for (const { secret, present: own } of keys) expect((await ask(own(secret))).ok).toBe(true)
    }
  })
})

describe('a change', () => {
  test('is in force at the next request, and told only to who holds the secret', async () => {
    const { ask } = gate()
    for (const { key, secret, present: own } of keys) {
      core.clock.turn(5000)
      expect((await ask(own(secret))).ok).toBe(true)
      done(await core.keys.disable(key.id))
      const disabled = { ok: false, failure: { reason: 'key_disabled', keyId: key.id } }
      expect(await ask(own(secret))).toEqual(disabled)
      const wrong = await ask(own('another-secret-1'))
      expect(wrong.ok ? 'opened' : wrong.failure.reason).toMatch(/^key_unknown$|^secret_wrong$/)
      done(await core.keys.enable(key.id))
      core.clock.turn(5000)
      expect((await ask(own(secret))).ok).toBe(true)
      done(await core.keys.revoke(key.id))
      const revoked = { ok: false, failure: { reason: 'key_revoked', keyId: key.id } }
      expect(await ask(own(secret))).toEqual(revoked)
    }
  })

  test('of an account closes all its keys, and no other’s', async () => {
    const { ask } = gate()
    const other = await core.seedTenant()
    const { keys: others } = await seedKeys(other)
    done(await core.accounts.setStatus(tenant.accountId, 'closed'))
    for (const { key, secret, present: own } of keys) {
      const closed = { ok: false, failure: { reason: 'account_closed', keyId: key.id } }
      expect(await ask(own(secret))).toEqual(closed)
    }
    for (const { secret, present: own } of others) expect((await ask(own(secret))).ok).toBe(true)
  })

  test('of an address list is in force at once, for every key of the account', async () => {
    const { ask } = gate()
    const { accountId } = tenant
    done(await core.places.enforceAddresses(accountId, true))
    const rule = done(await core.places.addAddress({ accountId, network: '192.0.2.0/24' }))
    for (const { key, secret, present: own } of keys) {
      const failure = { reason: 'address_refused', keyId: key.id, address: HERE }
      expect(await ask(own(secret))).toEqual({ ok: false, failure })
      expect((await ask(own(secret), '192.0.2.9')).ok).toBe(true)
    }
    done(await core.places.removeAddress(rule.id))
    core.clock.turn(5000)
    for (const { secret, present: own } of keys) expect((await ask(own(secret))).ok).toBe(true)
  })
})

describe('limits', () => {
  test('a key that is used too fast is refused until its window ends, its neighbours are not', async () => {
    const { ask } = gate({ limit: 3 })
    const { secret, present: own, key } = keyOf('xdent')
    for (let n = 0; n < 3; n++) expect((await ask(own(secret))).ok).toBe(true)
    core.clock.turn(59_001)
    const failure = { reason: 'quota_exceeded', limit: 3, retryAfterSeconds: 1 }
    expect(await ask(own(secret))).toEqual({ ok: false, failure })
    const practice = keyOf('practice')
    expect((await ask(practice.present(practice.secret))).ok).toBe(true)
    core.clock.turn(999)
    expect(await ask(own(secret))).toMatchObject({ ok: true, value: { id: key.id } })
  })

  test('a customer key has the pace that is documented for its access', async () => {
    const { ask } = gate()
    const { key, secret, present: own } = keyOf('opendental')
    for (const [access, ms] of [
      ['read', 5000],
      ['standard', 1000],
      ['enterprise', 500],
    ] as const) {
      done(await core.keys.edit(key.id, { access }))
      core.clock.turn(10_000)
      expect((await ask(own(secret))).ok).toBe(true)
      core.clock.turn(ms - 1)
      const failure = { reason: 'quota_exceeded', limit: 1, retryAfterSeconds: 1 }
      expect(await ask(own(secret))).toEqual({ ok: false, failure })
      core.clock.turn(1)
      expect((await ask(own(secret))).ok).toBe(true)
    }
  })

  test('who guesses is slowed down; who holds the secret is not, from the same address either', async () => {
    const { ask } = gate({ perAddress: 3 })
    for (let n = 0; n < 3; n++) {
      expect(await ask(present.xenrad(`guessed-secret-${n}`))).toEqual(UNKNOWN)
    }
    const guessing = { ok: false, failure: { reason: 'guessing', retryAfterSeconds: 60 } }
    expect(await ask(present.xenrad('guessed-secret-3'))).toEqual(guessing)
    expect(await ask(present.xdent('guessed-secret-3'))).toEqual(guessing)
    expect(await ask(present.xenrad('lk_garbled'))).toEqual(guessing)
    for (const { secret, present: own } of keys) expect((await ask(own(secret))).ok).toBe(true)
    expect(await ask(present.xenrad('guessed-secret-3'), '198.51.100.1')).toEqual(UNKNOWN)
    core.clock.turn(60_000)
    expect(await ask(present.xenrad('guessed-secret-3'))).toEqual(UNKNOWN)
  })
})
