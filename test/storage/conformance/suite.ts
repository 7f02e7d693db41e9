import { afterAll, beforeAll } from 'vitest'
import type { Storage } from '../../../src/service/ports/storage.ts'
import type { Engine } from '../../../src/storage/engine.ts'
import { createStorage } from '../../../src/storage/storage.ts'
import { testEventStorage } from './audit.ts'
import { testAuditChainStorage } from './audit-chain.ts'
import { testAuthorityVersion } from './authority.ts'
import { testCredentialStorage } from './credentials.ts'
import { testDeletions } from './deletion.ts'
import { testDirectoryStorage } from './directory.ts'
import { StorageFixture } from './fixtures.ts'
import { testGrantStorage } from './grants.ts'
import { testGuardedChanges } from './guards.ts'
import { testImportedSecretStorage } from './imported-hashes.ts'
import { testImportStorage } from './imports.ts'
import { testKeyChanges } from './key-changes.ts'
import { testKeySearch } from './key-search.ts'
import { testKeySecretStorage } from './key-secrets.ts'
import { testKeyStorage } from './keys.ts'
import { testListQueries } from './lists.ts'
import { testMessageLists } from './message-lists.ts'
import { testOAuthClientStorage } from './oauth-clients.ts'
import { testPaging } from './paging.ts'
import { testPayloadStorage } from './payloads.ts'
import { testQueueChanges } from './queue-changes.ts'
import { testQueueStorage } from './queues.ts'
import { testRevokedTokenStorage } from './revoked-tokens.ts'
import { testRoundTrip } from './round-trip.ts'
import { testSessionStorage } from './sessions.ts'
import { testSignInStorage } from './sign-in.ts'
import { testSunsetStorage } from './sunsets.ts'
import { testDashboardStorage, testKeyUseStorage, testTrafficStorage } from './usage.ts'

/** A fresh database of one engine, with schema.sql in it. */
export type OpenEngine = () => Promise<{ engine: Engine; dispose: () => Promise<void> }>

/** Tests the contract of `Storage` (service/ports/storage.ts) on one engine. */
export function testStorageConformance(name: string, open: OpenEngine): void {
  let engine: Engine
  let storage: Storage
  let dispose: () => Promise<void>
  beforeAll(async () => {
    const opened = await open()
    engine = opened.engine
    dispose = opened.dispose
    storage = createStorage(engine)
  })
  afterAll(() => dispose())

  const fixture = new StorageFixture(() => ({ engine, storage }))

  testDirectoryStorage(name, fixture)
  testKeyStorage(name, fixture)
  testKeySecretStorage(name, fixture)
  testKeyChanges(name, fixture)
  testKeyUseStorage(name, fixture)
  testOAuthClientStorage(name, fixture)
  testQueueStorage(name, fixture)
  testPayloadStorage(name, fixture)
  testQueueChanges(name, fixture)
  testEventStorage(name, fixture)
  testSessionStorage(name, fixture)
  testCredentialStorage(name, fixture)
  testSignInStorage(name, fixture)
  testDeletions(name, fixture)
  testSunsetStorage(name, fixture)
  testKeySearch(name, fixture)
  testListQueries(name, fixture)
  testMessageLists(name, fixture)
  testTrafficStorage(name, fixture)
  testDashboardStorage(name, fixture)
  testRoundTrip(name, fixture)
  testGuardedChanges(name, fixture)
  testAuthorityVersion(name, fixture)
  testPaging(name, fixture)
  testGrantStorage(name, fixture)
  testRevokedTokenStorage(name, fixture)
  testImportedSecretStorage(name, fixture)

  // Peppers stay while an import runs.
  testImportStorage(name, fixture)
  // Last, since it purges.
  testAuditChainStorage(name, fixture)
}
