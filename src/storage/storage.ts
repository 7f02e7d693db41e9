import type { Storage } from '../service/ports/storage.ts'
import { createAccountStorage } from './accounts.ts'
import { createAuditChainStorage, createEventStorage } from './audit-events.ts'
import { createAuditedChanges } from './audited-changes.ts'
import { createAuthorityStorage } from './authority.ts'
import { createPasswordStorage, createSecondFactorStorage } from './credentials.ts'
import { createDashboardStorage, createTrafficStorage } from './dashboard-stats.ts'
import { createDeliveryStorage } from './delivery.ts'
import { createDestinationStorage } from './destinations.ts'
import { createStorageProbe } from './diagnostics.ts'
import { type Engine, StatementCompiler } from './engine.ts'
import { createGrantStorage } from './grants.ts'
import { createImportedSecretStorage } from './imported-hashes.ts'
import { createImportedKeyStorage } from './imported-keys.ts'
import { createImportStorage } from './imports.ts'
import { createAllowlistStorage } from './ip-allowlist.ts'
import { createKeyCountStorage, createKeySearchStorage } from './key-search.ts'
import { createKeySecretStorage, createProofStorage } from './key-secrets.ts'
import { createKeyUseStorage } from './key-uses.ts'
import { createKeyChangeStorage, createKeyReadStorage } from './keys.ts'
import { createMessageIdStorage, createMessageStorage } from './messages.ts'
import { createAssertionStorage } from './oauth-clients.ts'
import { createFirstOperatorStorage } from './operators.ts'
import { createDirectoryStorage, createEditStorage } from './resources.ts'
import { createRevokedTokenStorage } from './revoked-tokens.ts'
import {
  createSessionStorage,
  createSignInFailureStorage,
  createSignInListStorage,
} from './sessions.ts'
import { createTableStatements } from './statements.ts'
import {
  createSubscriptionListStorage,
  createSubscriptionQueueStorage,
  createSubscriptionStorage,
} from './subscriptions.ts'
import { createSunsetStorage } from './sunsets.ts'
import { createUserSearchStorage, createUserStorage } from './users.ts'

/** Stores every subject on this engine. */
export function createStorage(unwatchedEngine: Engine): Storage {
  const compiler = new StatementCompiler(unwatchedEngine.sql)
  const { engine, probe } = createStorageProbe(unwatchedEngine, compiler)
  const audit = createAuditedChanges(engine, compiler)
  const rows = createTableStatements(engine, compiler)
  return {
    ...createAuthorityStorage(engine, compiler),
    ...createGrantStorage(engine, compiler, audit),
    ...createRevokedTokenStorage(engine, compiler, audit),
    ...createProofStorage(engine, compiler),
    ...createImportedSecretStorage(engine, compiler, audit),
    ...createAssertionStorage(engine, compiler),
    ...createMessageStorage(engine, compiler, rows),
    ...createMessageIdStorage(engine, compiler),
    ...createDeliveryStorage(engine, compiler),
    ...createSubscriptionQueueStorage(engine, compiler, audit),
    ...createAccountStorage(rows, audit),
    ...createUserStorage(compiler, rows, audit),
    ...createEditStorage(engine, compiler, audit),
    ...createAllowlistStorage(engine, compiler, rows, audit),
    ...createDirectoryStorage(rows, audit),
    ...createDestinationStorage(rows, audit),
    ...createSubscriptionStorage(engine, compiler, audit),
    ...createKeySecretStorage(engine, compiler, audit),
    ...createKeyChangeStorage(engine, compiler, audit),
    ...createKeyReadStorage(engine, compiler, rows),
    ...createImportedKeyStorage(engine, compiler, audit),
    ...createImportStorage(engine, compiler, rows, audit),
    ...createEventStorage(engine, compiler),
    ...createAuditChainStorage(engine, compiler),
    ...createKeyUseStorage(engine, compiler),
    ...createSunsetStorage(engine, compiler, rows, audit),
    ...createSessionStorage(engine, compiler),
    ...createPasswordStorage(engine, compiler, rows, audit),
    ...createFirstOperatorStorage(engine, compiler, audit),
    ...createSecondFactorStorage(engine, compiler, audit),
    ...createSignInFailureStorage(engine, compiler),
    ...createTrafficStorage(engine, compiler),
    ...createKeySearchStorage(engine, compiler),
    ...createKeyCountStorage(engine, compiler),
    ...createSignInListStorage(engine, compiler),
    ...createUserSearchStorage(engine, compiler),
    ...createSubscriptionListStorage(engine, compiler),
    ...createDashboardStorage(engine, compiler),
    addEvent: audit.addEvent,

    probe,
    close: () => engine.close(),
  }
}
