import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Ring, rotateRing, type Use } from '../../src/crypto/keyring.ts'
import { createRandom } from '../../src/crypto/random.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import { createSecretDigester } from '../../src/crypto/secret-digest.ts'
import { createSecretHasher } from '../../src/crypto/secret-hash.ts'
import type { Role } from '../../src/domain/key.ts'
import { nodeArgon2, nodePrimitives } from '../../src/node/primitives.ts'
import { openSqlite } from '../../src/node/sqlite.ts'
import { createAccounts } from '../../src/service/accounts.ts'
import { createKeys } from '../../src/service/keys.ts'
import { createPlaces } from '../../src/service/places.ts'
import type { Storage } from '../../src/service/ports.ts'
import { createRoutes } from '../../src/service/routes.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { testCourier } from './courier/courier.ts'
import { keyringOf, testRing } from './ring.ts'
import { done, temporaryFolder, testClock, testLog } from './server.ts'

/** The use-cases on a real database with real secrets, without any wire. */
export async function openCore() {
  const dir = temporaryFolder()
  const clock = testClock()
  const storage = createStorage(openSqlite(join(dir, 'latchkey.db')))
  let ring: Ring = await testRing()
  const keyring = keyringOf(ring)
  const random = createRandom(nodePrimitives, clock)
  const digester = createSecretDigester(nodePrimitives, keyring)
  const deps = {
    storage,
    random,
    clock,
    actor: 'operator',
    role: 'operator' as const,
    digester,
    hasher: createSecretHasher(nodePrimitives, nodeArgon2, clock, { width: 2, queue: 100 }),
    sealer: createSealer(nodePrimitives, keyring),
    region: 'us',
    courier: testCourier(),
  }
  const accounts = createAccounts(deps)
  const places = createPlaces(deps)
  return {
    ...deps,
    log: testLog(),
    accounts,
    places,
    keys: createKeys(deps),
    routes: createRoutes(deps),

    /** `latchkey keyring rotate`, and the server has read the file again. */
    async rotateRing(use: Use) {
      ring = await rotateRing(nodePrimitives, ring, use, clock())
      keyring.replace(ring)
    },

    /** An account with an owner of keys, a site and a developer. */
    async seedTenant({ role = 'engineer' }: { role?: Role } = {}) {
      const { id: accountId } = done(await accounts.create({ name: 'Acme Health' }))
      const username = `user-${random.requestId()}`
      const email = `${username}@acme.example`
      const owner = done(await accounts.addUser({ accountId, email, role, username }))
      const site = done(await places.addSite({ accountId, name: 'North' }))
      const developer = done(await places.addDeveloper({ accountId, name: 'Maker' }))
      return { accountId, owner, ownerId: owner.id, username, site, developer }
    },

    /** What became of a subject, the oldest first. */
    actionsOf: async (subject: string) =>
      (await storage.listEvents({ subject, limit: 100 })).map(({ action }) => action).reverse(),

    async close() {
      await storage.close()
      rmSync(dir, { recursive: true })
    },
  }
}

export type Core = Awaited<ReturnType<typeof openCore>>

/** The storage, and which of its verbs were called. */
export function counting(storage: Storage) {
  const calls: string[] = []
  const counted = new Proxy(storage, {
    get(of, verb: keyof Storage) {
      calls.push(verb)
      return of[verb]
    },
  })
  return { storage: counted, calls }
}
