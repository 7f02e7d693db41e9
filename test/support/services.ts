import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createImportedSecretVerifier } from '../../src/crypto/imported-secret-verifier.ts'
import { type Ring, type RingKeyUse, rotateRing } from '../../src/crypto/ring.ts'
import { createSecretHasher } from '../../src/crypto/secret-hash.ts'
import { createRandom, createSealer, createSecretDigester } from '../../src/crypto/secrets.ts'
import { MAX_WORK_WAIT_MS } from '../../src/crypto/work-lanes.ts'
import type { Role } from '../../src/domain/role.ts'
import { createLazySecretChecks } from '../../src/node/open-latchkey.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import {
  createAccounts,
  createDevelopers,
  createIpAllowlist,
  createSites,
} from '../../src/service/accounts/accounts.ts'
import { createUsers } from '../../src/service/accounts/users.ts'
import { createImportedSecrets } from '../../src/service/authenticate/imported-secrets.ts'
import { createSecretUpgrades } from '../../src/service/authenticate/secret-upgrades.ts'
import { createKeys } from '../../src/service/keys/keys.ts'
import {
  createDestinations,
  createSources,
  createSubscriptions,
} from '../../src/service/messages/routing.ts'
import type { Storage } from '../../src/service/ports/storage.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { createTestWebhookClient } from './delivery/webhook-client.ts'
import { createTestRing, toKeyring } from './keyring.ts'
import { createTempFolder, createTestLog, leastWorkArgon2, unwrap } from './server.ts'
import { createTestClock } from './time.ts'

/** The use-cases on a real database with real secrets, without any wire. */
export async function openTestServices() {
  const dir = createTempFolder()
  const clock = createTestClock()
  const storage = createStorage(openSqlite(join(dir, 'latchkey.db')))
  let ring: Ring = await createTestRing()
  const keyring = toKeyring(ring)
  const random = createRandom(nodePrimitives, clock)
  const digester = createSecretDigester(nodePrimitives, keyring)
  const log = createTestLog()
  const secretChecks = createLazySecretChecks(log)
  const baseDeps = {
    storage,
    random,
    clock,
    actor: 'operator',
    role: 'operator' as const,
    canGrant: () => true,
    includesRole: () => true,
    canSign: () => true,
    digester,
    hasher: createSecretHasher(nodePrimitives, leastWorkArgon2, clock, { width: 2, queue: 100 }),
    sealer: createSealer(nodePrimitives, keyring),
    importedSecretVerifier: createImportedSecretVerifier(nodePrimitives, secretChecks, clock, {
      width: 2,
      queue: 100,
      waitMs: MAX_WORK_WAIT_MS,
    }),
    region: 'us',
    consoleUrl: 'https://latchkey.example',
    webhookClient: createTestWebhookClient(),
  }
  const deps = { ...baseDeps, importedSecrets: createImportedSecrets(baseDeps) }
  const secretUpgrades = createSecretUpgrades({
    ...deps,
    log,
    keepAlive: () => undefined,
    digestImportedKeys: false,
  })
  const accounts = createAccounts(deps)
  const users = createUsers(deps)
  const sites = createSites(deps)
  const developers = createDevelopers(deps)
  return {
    ...deps,
    secretUpgrades,
    log,
    accounts,
    users,
    sites,
    developers,
    ipAllowlist: createIpAllowlist(deps),
    keys: createKeys(deps),
    sources: createSources(deps),
    destinations: createDestinations(deps),
    subscriptions: createSubscriptions(deps),

    /** `latchkey keyring rotate`, and the server has read the file again. */
    async rotateRing(use: RingKeyUse) {
      ring = await rotateRing(nodePrimitives, ring, use, clock())
      keyring.replace(ring)
    },

    /** An account with an owner of keys, a site and a developer. */
    async seedTenant({ role = 'engineer' }: { role?: Role } = {}) {
      const { id: accountId } = unwrap(await accounts.create({ name: 'Acme Health' }))
      const username = `user-${random.requestId()}`
      const email = `${username}@acme.example`
      const owner = unwrap(await users.add({ accountId, email, role, username }))
      const site = unwrap(await sites.add({ accountId, name: 'North' }))
      const developer = unwrap(await developers.add({ accountId, name: 'Maker' }))
      return { accountId, owner, ownerId: owner.id, username, site, developer }
    },

    /** Lists the audited actions on a subject, the oldest first. */
    listActions: async (subject: string) =>
      (await storage.listEvents({ subject, limit: 100 })).map(({ action }) => action).reverse(),

    async close() {
      await secretChecks.close()
      await storage.close()
      rmSync(dir, { recursive: true })
    },
  }
}

export type TestServices = Awaited<ReturnType<typeof openTestServices>>

/** The storage, and which of its verbs were called. */
export function countStorageCalls(storage: Storage) {
  const calls: string[] = []
  const proxy = new Proxy(storage, {
    get(of, verb: keyof Storage) {
      calls.push(verb)
      return of[verb]
    },
  })
  return { storage: proxy, calls }
}
