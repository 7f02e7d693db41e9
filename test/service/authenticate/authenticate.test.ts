import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Credential, KeyType } from '../../../src/domain/key-type.ts'
import { createAuthenticate } from '../../../src/service/authenticate/authenticate.ts'
import { createImportedSecrets } from '../../../src/service/authenticate/imported-secrets.ts'
import { createKeyCache } from '../../../src/service/authenticate/key-cache.ts'
import type { CreateKeyInput } from '../../../src/service/keys/input.ts'
import {
  createFailureLimiter,
  createKeyRateLimit,
} from '../../../src/service/limits/rate-limits.ts'
import { createKeyUseCounter } from '../../../src/service/limits/usage-counters.ts'
import { unwrap } from '../../support/server.ts'
import { countStorageCalls, openTestServices, type TestServices } from '../../support/services.ts'

let testServices: TestServices
afterEach(() => testServices.close())

const HERE = '203.0.113.7'
const UNKNOWN = { ok: false, failure: { reason: 'key_unknown' } }

/** Everything that a request is judged by, on a database whose reads are counted. */
function createGate({ perAddress = 1000, limit = 1000 } = {}) {
  const { clock, digester, secretUpgrades, log } = testServices
  const { storage, calls } = countStorageCalls(testServices.storage)
  const authenticate = createAuthenticate({
    keyCache: createKeyCache(storage, digester),
    digester,
    importedSecrets: createImportedSecrets({ ...testServices, storage }),
    secretUpgrades,
    failureLimiter: createFailureLimiter({ perAddress, windowMs: 60_000 }, clock),
    keyRateLimit: createKeyRateLimit({ limit, windowMs: 60_000 }, clock),
    keyUseCounter: createKeyUseCounter({
      storage: testServices.storage,
      clock,
      log,
      keepAlive: () => undefined,
      traffic: { countAdmitted: () => undefined },
    }),
    clock,
    region: 'us',
  })
  return {
    calls,
    ask: (credential: Credential, address = HERE) =>
      authenticate(credential, { address, requestId: 'r', path: '/' }),
  }
}

type Tenant = Awaited<ReturnType<TestServices['seedTenant']>>

/** A key of each type that is presented, and how it is presented. */
async function seedKeys({ ownerId, username, site, developer }: Tenant) {
  const createKey = async <Type extends KeyType>(input: CreateKeyInput & { keyType: Type }) =>
    unwrap(await testServices.keys.create(input))
  const common = { ownerId, name: 'key' }
  const { developerKey } = developer
  const xenrad = await createKey({ ...common, keyType: 'xenrad', siteId: site.id })
  const customer = await createKey({ ...common, keyType: 'opendental', developerId: developer.id })
  unwrap(await testServices.keys.assign(customer.key.id, site.id))
  const portal = await createKey({
    ...common,
    keyType: 'opendental-portal',
    developerId: developer.id,
  })
  const xdent = await createKey({ ...common, keyType: 'xdent' })
  const practice = await createKey({ ...common, keyType: 'practice' })
  const present = {
    xenrad: (secret: string): Credential => ({ keyType: 'xenrad', secret }),
    opendental: (secret: string): Credential => ({ keyType: 'opendental', developerKey, secret }),
    xdent: (secret: string): Credential => ({
      keyType: 'xdent',
      publicId: xdent.key.publicId,
      secret,
    }),
    practice: (secret: string): Credential => ({ keyType: 'practice', username, secret }),
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
  testServices = await openTestServices()
  tenant = await testServices.seedTenant()
  ;({ keys, present } = await seedKeys(tenant))
})

const findKeyOfType = (keyType: string) => {
  const found = keys.find(({ key }) => key.keyType === keyType)
  if (found === undefined) throw new Error(`no key of ${keyType}`)
  return found
}

describe('a credential of any key type', () => {
  test('opens its key, and no secret opens another’s or another key type’s surface', async () => {
    const { ask } = createGate()
    for (const { key, secret, present: own } of keys) {
      expect(await ask(own(secret))).toMatchObject({ ok: true, value: { key: { id: key.id } } })
    }
    for (const shape of Object.values(present)) {
      for (const { key, secret, present: own } of keys) {
        if (shape === own) continue
        const answer = await ask(shape(secret))
        const wrong = { reason: 'secret_wrong', keyId: findKeyOfType('xdent').key.id }
        const expected = shape === present.xdent ? { ok: false, failure: wrong } : UNKNOWN
        expect([key.keyType, answer]).toEqual([key.keyType, expected])
      }
    }
  })

  test('opens nothing with another tenant’s developer key, username or public id', async () => {
    const { ask } = createGate()
    const other = await testServices.seedTenant()
    const { keys: others } = await seedKeys(other)
    const othersId = others.find(({ key }) => key.keyType === 'xdent')?.key
    const { developerKey } = other.developer
    for (const keyType of ['opendental', 'opendental-portal']) {
      const { secret } = findKeyOfType(keyType)
      expect(await ask({ keyType: 'opendental', developerKey, secret })).toEqual(UNKNOWN)
    }
    const { username } = other
    const practice: Credential = {
      keyType: 'practice',
      username,
      secret: findKeyOfType('practice').secret,
    }
    expect(await ask(practice)).toEqual(UNKNOWN)
    const publicId = othersId?.publicId ?? ''
    expect(
      await ask({ keyType: 'xdent', publicId, secret: findKeyOfType('xdent').secret }),
    ).toEqual({
      ok: false,
      failure: { reason: 'secret_wrong', keyId: othersId?.id },
    })
  })

  test('is case-sensitive in every part', async () => {
    const { ask } = createGate()
    const { secret } = findKeyOfType('opendental')
    const { developerKey } = tenant.developer
    const swapCase = (text: string) =>
      Array.from(text, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())).join('')
    for (const credential of [
      present.opendental(swapCase(secret)),
      { keyType: 'opendental', developerKey: swapCase(developerKey), secret },
      {
        keyType: 'practice',
        username: swapCase(tenant.username),
        secret: findKeyOfType('practice').secret,
      },
      { keyType: 'xdent', publicId: swapCase(findKeyOfType('xdent').key.publicId), secret: null },
    ] as const) {
      expect(await ask(credential)).toEqual(UNKNOWN)
    }
  })

  test('of an id alone, an unknown id, an id of another key type or of no shape', async () => {
    const { ask } = createGate()
    const { key } = findKeyOfType('xdent')
    const authenticateOnce = (publicId: string, secret: string | null = 'x') =>
      ask({ keyType: 'xdent', publicId, secret })
    const missing = { reason: 'secret_missing', keyId: key.id }
    expect(await authenticateOnce(key.publicId, null)).toEqual({ ok: false, failure: missing })
    const wrong = { reason: 'secret_wrong', keyId: key.id }
    expect(await authenticateOnce(key.publicId, '')).toEqual({ ok: false, failure: wrong })
    for (const id of [
      'nobody',
      '',
      'a b',
      'x'.repeat(999),
      findKeyOfType('practice').key.publicId,
    ]) {
      expect(await authenticateOnce(id)).toEqual(UNKNOWN)
      expect(await authenticateOnce(id, null)).toEqual(UNKNOWN)
    }
  })
})

describe('what is read', () => {
  test('of a garbled secret: nothing', async () => {
    const { ask, calls } = createGate()
    const { secret } = findKeyOfType('xenrad')
    const garbled = [secret.slice(0, -1), `${secret}x`, `lk_${'A'.repeat(49)}`, 'lk_', 'lk_x']
    for (const wrong of garbled) {
      for (const shape of [present.xenrad, present.opendental, present.practice]) {
        expect(await ask(shape(wrong))).toEqual(UNKNOWN)
      }
    }
    expect(calls).toEqual([])
  })

  test('of a secret that is seen again: the authority’s version, until that is raised', async () => {
    const { ask, calls } = createGate()
    for (const { key, secret, present: own } of keys) {
      const find = key.keyType === 'xdent' ? 'findKey' : 'findKeysBySecret'
      expect((await ask(own(secret))).ok).toBe(true)
      expect(calls.splice(0)).toEqual(['readAuthority', find])
      expect(await ask(own(secret))).toMatchObject({ ok: key.keyType !== 'opendental' })
      expect(calls.splice(0)).toEqual(['readAuthority'])
      unwrap(await testServices.ipAllowlist.setEnforced(tenant.accountId, true))
      testServices.clock.advance(5000)
      expect((await ask(own(secret))).ok).toBe(true)
      expect(calls.splice(0)).toEqual(['readAuthority', find])
    }
  })

  test('of an unknown secret: one lookup for all keys of the ring, and none is remembered', async () => {
    const { ask, calls } = createGate()
    for (const shape of [present.opendental, present.practice, present.xenrad]) {
      for (let n = 0; n < 2; n++) {
        expect(await ask(shape('imported-secret-9'))).toEqual(UNKNOWN)
        const once = ['readAuthority', 'findKeysBySecret']
        // The use of imported digests is read once for each version of the authority.
        const more = shape === present.xenrad && n === 0 ? ['readImportedDigests'] : []
        expect(calls.splice(0)).toEqual([...once, ...more])
      }
    }
  })

  test('of an id that is not usable here is read each time, existing or not', async () => {
    const { ask, calls } = createGate()
    const { id: abroad } = unwrap(
      await testServices.accounts.create({ name: 'Abroad', region: 'eu', otherRegion: true }),
    )
    const testUser = { accountId: abroad, email: 'a@abroad.example', role: 'engineer' } as const
    const owner = unwrap(await testServices.users.add(testUser))
    const input = { keyType: 'xdent', ownerId: owner.id, name: 'key' } as const
    const foreign = unwrap(await testServices.keys.create(input))
    const ids = ['nobody', findKeyOfType('practice').key.publicId, foreign.key.publicId]
    for (const publicId of ids) {
      for (let n = 0; n < 3; n++) {
        expect(await ask({ keyType: 'xdent', publicId, secret: 'x' })).toEqual(UNKNOWN)
        expect(calls.splice(0)).toEqual(['readAuthority', 'findKey'])
      }
    }
  })
})

describe('the secret before a rotation', () => {
  test('opens until the millisecond at which the overlap ends, the new one from the first', async () => {
    const { ask } = createGate()
    for (const { key, secret, present: own } of keys) {
      const rotated = unwrap(await testServices.keys.rotateSecret(key.id, { overlapMs: 60_000 }))
      const ends = testServices.clock() + 60_000
      const isOpen = async (tried: string) => {
        const answer = await ask(own(tried))
        return answer.ok && answer.value.key.id === key.id
      }
      expect(await isOpen(secret)).toBe(true)
      testServices.clock.advance(10_000)
      expect(await isOpen(rotated.secret)).toBe(true)
      testServices.clock.set(ends - 1)
      expect(await isOpen(secret)).toBe(true)
      testServices.clock.set(ends)
      expect(await isOpen(secret)).toBe(false)
      testServices.clock.advance(10_000)
      expect(await isOpen(rotated.secret)).toBe(true)
    }
  })

  test('opens nothing any more where there is no overlap', async () => {
    const { ask } = createGate()
    for (const { key, secret, present: own } of keys) {
      const rotated = unwrap(await testServices.keys.rotateSecret(key.id, {}))
      expect((await ask(own(secret))).ok).toBe(false)
      expect((await ask(own(rotated.secret))).ok).toBe(true)
    }
  })

  test('and every other opens whatever becomes of the key ring', async () => {
    const { ask } = createGate()
    for (let n = 0; n < 3; n++) {
      await testServices.rotateRing('digest')
      testServices.clock.advance(10_000)
      for (const { secret, present: own } of keys) expect((await ask(own(secret))).ok).toBe(true)
    }
  })
})

describe('a change', () => {
  test('is in force at the next request, and visible only to callers who have the secret', async () => {
    const { ask } = createGate()
    for (const { key, secret, present: own } of keys) {
      testServices.clock.advance(5000)
      expect((await ask(own(secret))).ok).toBe(true)
      unwrap(await testServices.keys.disable(key.id))
      const disabled = { ok: false, failure: { reason: 'key_disabled', keyId: key.id } }
      expect(await ask(own(secret))).toEqual(disabled)
      const wrong = await ask(own('another-secret-1'))
      expect(wrong.ok ? 'opened' : wrong.failure.reason).toMatch(/^key_unknown$|^secret_wrong$/)
      unwrap(await testServices.keys.enable(key.id))
      testServices.clock.advance(5000)
      expect((await ask(own(secret))).ok).toBe(true)
      unwrap(await testServices.keys.revoke(key.id))
      const revoked = { ok: false, failure: { reason: 'key_revoked', keyId: key.id } }
      expect(await ask(own(secret))).toEqual(revoked)
    }
  })

  test('of an account closes all its keys, and no other’s', async () => {
    const { ask } = createGate()
    const other = await testServices.seedTenant()
    const { keys: others } = await seedKeys(other)
    unwrap(await testServices.accounts.setStatus(tenant.accountId, 'closed'))
    for (const { key, secret, present: own } of keys) {
      const closed = { ok: false, failure: { reason: 'account_closed', keyId: key.id } }
      expect(await ask(own(secret))).toEqual(closed)
    }
    for (const { secret, present: own } of others) expect((await ask(own(secret))).ok).toBe(true)
  })

  test('of an address list is in force at once, for every key of the account', async () => {
    const { ask } = createGate()
    const { accountId } = tenant
    unwrap(await testServices.ipAllowlist.setEnforced(accountId, true))
    const rule = unwrap(await testServices.ipAllowlist.add({ accountId, network: '192.0.2.0/24' }))
    for (const { key, secret, present: own } of keys) {
      const failure = { reason: 'address_refused', keyId: key.id, address: HERE }
      expect(await ask(own(secret))).toEqual({ ok: false, failure })
      expect((await ask(own(secret), '192.0.2.9')).ok).toBe(true)
    }
    unwrap(await testServices.ipAllowlist.delete(rule.id))
    testServices.clock.advance(5000)
    for (const { secret, present: own } of keys) expect((await ask(own(secret))).ok).toBe(true)
  })
})

describe('limits', () => {
  test('a key that is used too fast is refused until its window ends, its neighbours are not', async () => {
    const { ask } = createGate({ limit: 3 })
    const { secret, present: own, key } = findKeyOfType('xdent')
    for (let n = 0; n < 3; n++) expect((await ask(own(secret))).ok).toBe(true)
    testServices.clock.advance(59_001)
    const failure = { reason: 'quota_exceeded', limit: 3, retryAfterSeconds: 1 }
    expect(await ask(own(secret))).toEqual({ ok: false, failure })
    const practice = findKeyOfType('practice')
    expect((await ask(practice.present(practice.secret))).ok).toBe(true)
    testServices.clock.advance(999)
    expect(await ask(own(secret))).toMatchObject({ ok: true, value: { key: { id: key.id } } })
  })

  test('a customer key has the pace that is documented for its access', async () => {
    const { ask } = createGate()
    const { key, secret, present: own } = findKeyOfType('opendental')
    for (const [access, ms] of [
      ['read', 5000],
      ['standard', 1000],
      ['enterprise', 500],
    ] as const) {
      unwrap(await testServices.keys.edit(key.id, { access }))
      testServices.clock.advance(10_000)
      expect((await ask(own(secret))).ok).toBe(true)
      testServices.clock.advance(ms - 1)
      const failure = { reason: 'quota_exceeded', limit: 1, retryAfterSeconds: 1 }
      expect(await ask(own(secret))).toEqual({ ok: false, failure })
      testServices.clock.advance(1)
      expect((await ask(own(secret))).ok).toBe(true)
    }
  })

  test('refuse callers who guess, and never callers who have the secret, at the same address either', async () => {
    const { ask } = createGate({ perAddress: 3 })
    for (let n = 0; n < 3; n++) {
      expect(await ask(present.xenrad(`guessed-secret-${n}`))).toEqual(UNKNOWN)
    }
    const limited = { ok: false, failure: { reason: 'failures_exceeded', retryAfterSeconds: 60 } }
    expect(await ask(present.xenrad('guessed-secret-3'))).toEqual(limited)
    expect(await ask(present.xdent('guessed-secret-3'))).toEqual(limited)
    expect(await ask(present.xenrad('lk_garbled'))).toEqual(limited)
    for (const { secret, present: own } of keys) expect((await ask(own(secret))).ok).toBe(true)
    expect(await ask(present.xenrad('guessed-secret-3'), '198.51.100.1')).toEqual(UNKNOWN)
    testServices.clock.advance(60_000)
    expect(await ask(present.xenrad('guessed-secret-3'))).toEqual(UNKNOWN)
  })
})
