import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTokenMinter } from '../../../src/crypto/minter.ts'
import { revokeRingKey } from '../../../src/crypto/ring.ts'
import type { Credential } from '../../../src/domain/key-type.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { createAuditEvent } from '../../../src/service/audit/audit-event.ts'
import { createAuthenticate } from '../../../src/service/authenticate/authenticate.ts'
import { createKeyCache } from '../../../src/service/authenticate/key-cache.ts'
import {
  createFailureLimiter,
  createKeyRateLimit,
} from '../../../src/service/limits/rate-limits.ts'
import { createKeyUseCounter } from '../../../src/service/limits/usage-counters.ts'
import type { Storage } from '../../../src/service/ports/storage.ts'
import { createGuard } from '../../../src/service/tokens/guard.ts'
import { createTokenCache } from '../../../src/service/tokens/verify-token.ts'
import { createTestRing, toKeyring } from '../../support/keyring.ts'
import { unwrap } from '../../support/server.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'

let testServices: TestServices
beforeEach(async () => {
  testServices = await openTestServices()
})
afterEach(() => testServices.close())

/** The storage, which notes the name of each method that is called. */
const createRecordingStorage = (storage: Storage, calls: string[]) =>
  new Proxy(storage, {
    get(of, verb: keyof Storage) {
      calls.push(verb)
      return of[verb]
    },
  })

/** The storage, with something that happens once: right after the read that is the nth. */
function createInterruptedStorage(storage: Storage, nth: number, happens: () => Promise<unknown>) {
  let reads = 0
  return new Proxy(storage, {
    get(of, verb: keyof Storage) {
      const act = of[verb] as (...args: unknown[]) => unknown
      if (!/^(find|read|listKeyRoutings)/.test(verb)) return act
      return async (...args: unknown[]) => {
        const answer = await act(...args)
        if (++reads === nth) await happens()
        return answer
      }
    },
  })
}

const HERE = '203.0.113.7'
const region = 'us'
const caller = { address: HERE, requestId: 'r', path: '/' }
const createTestUses = () =>
  createKeyUseCounter({
    ...testServices,
    keepAlive: () => undefined,
    traffic: { countAdmitted: () => undefined },
  })

/** More than any request reads. */
const READS = [1, 2, 3, 4, 5]

test.each(READS)(
  'a key that comes with every request is refused at the next one, though it was revoked after read %i',
  async (nth) => {
    for (const keyType of ['xenrad', 'xdent'] as const) {
      const { ownerId, site } = await testServices.seedTenant()
      const keyPlace = keyType === 'xenrad' ? { siteId: site.id } : {}
      const { key, secret } = unwrap(
        await testServices.keys.create({ keyType, ownerId, name: 'key', ...keyPlace }),
      )
      const revokeKey = () => testServices.keys.revoke(key.id)
      const authenticate = createAuthenticate({
        keyCache: createKeyCache(
          createInterruptedStorage(testServices.storage, nth, revokeKey),
          testServices.digester,
        ),
        digester: testServices.digester,
        importedSecrets: testServices.importedSecrets,
        secretUpgrades: testServices.secretUpgrades,
        failureLimiter: createFailureLimiter(
          { perAddress: 1000, windowMs: 60_000 },
          testServices.clock,
        ),
        keyRateLimit: createKeyRateLimit({ limit: 1000, windowMs: 60_000 }, testServices.clock),
        keyUseCounter: createTestUses(),
        clock: testServices.clock,
        region,
      })
      const credential: Credential =
        keyType === 'xenrad' ? { keyType, secret } : { keyType, publicId: key.publicId, secret }
      for (let n = 0; n < nth; n++) await authenticate(credential, caller)
      const revoked = { ok: false, failure: { reason: 'key_revoked', keyId: key.id } }
      expect(await authenticate(credential, caller)).toEqual(revoked)
    }
  },
)

test('keys that are found by id and by secret share one limit, and the oldest of the larger part go', async () => {
  const calls: string[] = []
  const storage = createRecordingStorage(testServices.storage, calls)
  const keyCache = createKeyCache(storage, testServices.digester, 3 * 600)
  const { ownerId, site } = await testServices.seedTenant()
  const add = async (keyType: 'xdent' | 'xenrad') => {
    const keyPlace = keyType === 'xenrad' ? { siteId: site.id } : {}
    const input = { keyType, ownerId, name: 'key', ...keyPlace }
    return unwrap(await testServices.keys.create(input))
  }
  const byId = [await add('xdent'), await add('xdent'), await add('xdent')]
  const { secret } = await add('xenrad')
  const digests = [...testServices.digester.candidates(secret)]
  const { version } = await storage.readAuthority()
  const isCached = async (find: () => unknown) => {
    calls.length = 0
    expect(await find()).toBeTruthy()
    return !calls.some((call) => call.startsWith('findKey'))
  }
  const findBySecret = () => isCached(() => keyCache.findBySecret(digests, version, () => true))
  const findById = (n: number) =>
    isCached(() => keyCache.findPresentedKey(byId[n]?.key.publicId ?? '', region, version))

  for (const n of byId.keys()) expect(await findById(n)).toBe(false)
  for (const n of byId.keys()) expect(await findById(n)).toBe(true)
  expect(await findBySecret()).toBe(false)
  expect(await findBySecret()).toBe(true)
  expect(await findById(2)).toBe(true)
  expect(await findById(1)).toBe(true)
  expect(await findById(0)).toBe(false)
})

test('a forged token of a known key, cached or not, causes the reads of an unknown key’s', async () => {
  const ring = await createTestRing()
  const keyring = toKeyring(ring)
  const url = 'https://latchkey.example'
  const minter = createTokenMinter(nodePrimitives, keyring, {
    issuer: url,
    audience: url,
    strategy: 'opaque',
  })
  const { accountId, ownerId } = await testServices.seedTenant()
  const source = unwrap(await testServices.sources.add({ accountId, name: 'Source' }))
  const input = { keyType: 'redox', ownerId, sourceId: source.id, name: 'job' } as const
  const { key } = unwrap(await testServices.keys.create(input))
  const salt = (await testServices.storage.findKey(key.publicId))?.tokenSalt ?? ''
  const mint = async (keyId: string, tokenSalt: string) => {
    const facts = {
      keyId,
      clientId: key.publicId,
      epoch: 0,
      grantId: testServices.random.uuid(),
      generation: 0,
      issuedAt: testServices.clock(),
    }
    return (await minter.mint(facts, tokenSalt)).accessToken
  }
  const calls: string[] = []
  const storage = createRecordingStorage(testServices.storage, calls)
  const guard = createGuard({
    keyCache: createKeyCache(storage, testServices.digester),
    tokenCache: createTokenCache(),
    storage,
    minter,
    keyUseCounter: createTestUses(),
    clock: testServices.clock,
    region,
    publicUrl: url,
  })
  const genuine = await mint(key.id, salt)
  for (const [what, token, reason] of [
    ['forged', await mint(key.id, 'another salt'), 'token_forged'],
    ['genuine', genuine, null],
    ['forged, the key cached', await mint(key.id, 'another salt'), 'token_forged'],
    ['unknown', await mint(crypto.randomUUID(), salt), 'key_unknown'],
  ] as const) {
    calls.length = 0
    const answer = await guard(token, { ...caller })
    expect([what, answer.ok ? null : answer.failure.reason]).toEqual([what, reason])
    if (reason !== null) expect([what, calls]).toEqual([what, ['readTokenAuthority']])
  }

  // A token that was proven needs the version alone, until anything is changed.
  const readForGenuine = async () => {
    calls.length = 0
    expect((await guard(genuine, { ...caller })).ok).toBe(true)
    return calls
  }
  expect(await readForGenuine()).toEqual(['readAuthority'])
  unwrap(await testServices.sources.rename(source.id, 'Renamed'))
  expect(await readForGenuine()).toContain('readTokenAuthority')
  expect(await readForGenuine()).toEqual(['readAuthority'])

  // Nor does a token outlive the key of the ring that made it.
  const leakedId = keyring.currentId('access')
  keyring.replace((await revokeRingKey(nodePrimitives, ring, leakedId, 0)) ?? ring)
  const answer = await guard(genuine, { ...caller })
  expect(answer).toMatchObject({ ok: false, failure: { reason: 'token_forged' } })
})

test.each(READS)(
  'an access token is refused at the next request, though its key or its grant was revoked after read %i',
  async (nth) => {
    const ring = toKeyring(await createTestRing())
    const url = 'https://latchkey.example'
    const minter = createTokenMinter(nodePrimitives, ring, {
      issuer: url,
      audience: url,
      strategy: 'opaque',
    })
    for (const what of ['key', 'grant'] as const) {
      const { accountId, ownerId } = await testServices.seedTenant()
      const source = unwrap(await testServices.sources.add({ accountId, name: 'Source' }))
      const input = { keyType: 'redox', ownerId, sourceId: source.id, name: 'job' } as const
      const { key } = unwrap(await testServices.keys.create(input))
      const salt = (await testServices.storage.findKey(key.publicId))?.tokenSalt ?? ''
      const now = testServices.clock()
      const grantId = testServices.random.uuid()
      const [rotatedAt, expiresAt] = [now, now + 60_000]
      await testServices.storage.rotateGrant({
        grantId,
        keyId: key.id,
        to: 1,
        rotatedAt,
        expiresAt,
      })
      const facts = {
        keyId: key.id,
        clientId: key.publicId,
        epoch: 0,
        grantId,
        generation: 1,
        issuedAt: now,
      }
      const { accessToken } = await minter.mint(facts, salt)
      const event = createAuditEvent(testServices, 'grant.reused', grantId)
      const revokeKey = () =>
        what === 'key'
          ? testServices.keys.revoke(key.id)
          : testServices.storage.revokeGrant(
              { grantId, keyId: key.id, generation: 1, revokedAt: now, expiresAt },
              event,
            )
      const storage = createInterruptedStorage(testServices.storage, nth, revokeKey)
      const guard = createGuard({
        keyCache: createKeyCache(storage, testServices.digester),
        tokenCache: createTokenCache(),
        storage,
        minter,
        keyUseCounter: createTestUses(),
        clock: testServices.clock,
        region,
        publicUrl: url,
      })
      for (let n = 0; n < nth; n++) await guard(accessToken, { ...caller })
      const answer = await guard(accessToken, { ...caller })
      const reason = what === 'key' ? 'key_revoked' : 'grant_revoked'
      expect(answer).toMatchObject({ ok: false, failure: { reason } })
    }
  },
)

test.each(READS)(
  'a client’s token is refused at the next request, though it or its key was revoked after read %i',
  async (nth) => {
    const url = 'https://latchkey.example'
    const minter = createTokenMinter(nodePrimitives, toKeyring(await createTestRing()), {
      issuer: url,
      audience: url,
      strategy: 'opaque',
    })
    for (const what of ['key', 'token', 'first token of the account'] as const) {
      const { accountId, ownerId } = await testServices.seedTenant()
      const oauthClient = {
        authenticationMethod: 'client_secret_basic',
        scopes: ['fhir:production'],
        tokenStrategy: 'opaque',
      } as const
      const input = { keyType: 'oauth', ownerId, name: 'feed', oauthClient } as const
      const { key } = unwrap(await testServices.keys.create(input))
      const stored = await testServices.storage.findKey(key.publicId)
      const now = testServices.clock()
      const revokeToken = (tokenId: string) =>
        testServices.storage.revokeToken(
          { accountId, tokenId, endsAt: now + 300_000 },
          createAuditEvent(testServices, 'token.revoked', key.id),
        )
      if (what === 'token') await revokeToken(testServices.random.uuid())
      const tokenId = testServices.random.uuid()
      const claims = {
        keyId: key.id,
        clientId: key.publicId,
        tokenId,
        epoch: 0,
        issuedAt: now,
        lifetimeSeconds: 300,
        scope: 'fhir:production',
        audience: null,
      }
      const form = { ...oauthClient, signingAlgorithm: 'ES256', tokenTypeHeader: 'JWT' } as const
      const accessToken = await minter.mintClientToken(claims, form, stored?.tokenSalt ?? '')
      const revoke = () =>
        what === 'key' ? testServices.keys.revoke(key.id) : revokeToken(tokenId)
      const storage = createInterruptedStorage(testServices.storage, nth, revoke)
      const guard = createGuard({
        keyCache: createKeyCache(storage, testServices.digester),
        tokenCache: createTokenCache(),
        storage,
        minter,
        keyUseCounter: createTestUses(),
        clock: testServices.clock,
        region,
        publicUrl: url,
      })
      for (let n = 0; n < nth; n++) await guard(accessToken, { ...caller })
      const answer = await guard(accessToken, { ...caller })
      const reason = what === 'key' ? 'key_revoked' : 'token_revoked'
      expect([what, answer]).toMatchObject([what, { ok: false, failure: { reason } }])
    }
  },
)
