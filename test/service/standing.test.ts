import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMinter } from '../../src/crypto/minter.ts'
import type { Credential } from '../../src/domain/credential.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { createAuthenticate } from '../../src/service/authenticate.ts'
import { createGuard } from '../../src/service/guard.ts'
import { createGuesses } from '../../src/service/guesses.ts'
import { eventOf } from '../../src/service/operator.ts'
import { createPace } from '../../src/service/pace.ts'
import type { Storage } from '../../src/service/ports.ts'
import { createStandings } from '../../src/service/standing.ts'
import { createUses } from '../../src/service/uses.ts'
import { type Core, openCore } from '../support/core.ts'
import { keyringOf, testRing } from '../support/ring.ts'
import { done } from '../support/server.ts'

let core: Core
beforeEach(async () => {
  core = await openCore()
})
afterEach(() => core.close())

/** The storage, with something that happens once: right after the read that is the nth. */
function interrupted(storage: Storage, nth: number, happens: () => Promise<unknown>) {
  let reads = 0
  return new Proxy(storage, {
    get(of, verb: keyof Storage) {
      const act = of[verb] as (...args: unknown[]) => unknown
      if (!/^find|^authority/.test(verb)) return act
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
const use = { admitted: () => undefined }
const uses = () => createUses(core.storage, core.clock, core.log, () => undefined, use)

/** More than any request reads. */
const READS = [1, 2, 3, 4, 5]

test.each(READS)(
  'a key that comes with every request is refused at the next one, though it was revoked after read %i',
  async (nth) => {
    for (const dialect of ['xenrad', 'xdent'] as const) {
      const { ownerId, site } = await core.seedTenant()
      const place = dialect === 'xenrad' ? { siteId: site.id } : {}
      const { key, secret } = done(
        await core.keys.create({ dialect, ownerId, name: 'key', ...place }),
      )
      const revoke = () => core.keys.revoke(key.id)
      const authenticate = createAuthenticate({
        standings: createStandings(interrupted(core.storage, nth, revoke)),
        digester: core.digester,
        guesses: createGuesses({ perAddress: 1000, windowMs: 60_000 }, core.clock),
        pace: createPace({ limit: 1000, windowMs: 60_000 }, core.clock),
        uses: uses(),
        clock: core.clock,
        region,
      })
      const credential: Credential =
        dialect === 'xenrad' ? { dialect, secret } : { dialect, publicId: key.publicId, secret }
      for (let n = 0; n < nth; n++) await authenticate(credential, caller)
      const revoked = { ok: false, failure: { reason: 'key_revoked', keyId: key.id } }
      expect(await authenticate(credential, caller)).toEqual(revoked)
    }
  },
)

test.each(READS)(
  'an access token is refused at the next request, though its key or its grant was revoked after read %i',
  async (nth) => {
    const ring = keyringOf(await testRing())
    const url = 'https://latchkey.example'
    const minter = createMinter(nodePrimitives, ring, { issuer: url, audience: url })
    for (const what of ['key', 'grant'] as const) {
      const { accountId, ownerId } = await core.seedTenant()
      const source = done(await core.routes.addSource({ accountId, name: 'Source' }))
      const wish = { dialect: 'redox', ownerId, sourceId: source.id, name: 'job' } as const
      const { key } = done(await core.keys.create(wish))
      const salt = (await core.storage.findKey(key.publicId))?.tokenSalt ?? ''
      const now = core.clock()
      const grantId = core.random.uuid()
      const [rotatedAt, expiresAt] = [now, now + 60_000]
      await core.storage.rotateGrant({ grantId, keyId: key.id, to: 1, rotatedAt, expiresAt })
      const facts = {
        keyId: key.id,
        clientId: key.publicId,
        epoch: 0,
        grantId,
        generation: 1,
        issuedAt: now,
      }
      const { accessToken } = await minter.mint(facts, salt)
      const event = eventOf(core, 'grant.reused', grantId)
      const revoke = () =>
        what === 'key' ? core.keys.revoke(key.id) : core.storage.revokeGrant(grantId, now, event)
      const guard = createGuard({
        standings: createStandings(interrupted(core.storage, nth, revoke)),
        storage: core.storage,
        minter,
        uses: uses(),
        clock: core.clock,
        region,
      })
      for (let n = 0; n < nth; n++) await guard(accessToken, HERE)
      const answer = await guard(accessToken, HERE)
      const reason = what === 'key' ? 'key_revoked' : 'grant_revoked'
      expect(answer).toMatchObject({ ok: false, failure: { reason } })
    }
  },
)
