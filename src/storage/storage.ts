import type { SignInStorage } from '../service/ports/sign-in.ts'
import type { Storage } from '../service/ports/storage.ts'
import { createAccountResourceStorage, createEditStorage } from './account-resources.ts'
import { createAccountStorage, createUserSearchStorage } from './accounts.ts'
import { type AuditedChanges, createAuditedChanges, createEventStorage } from './audit.ts'
import { createAuditChainStorage } from './audit-chain.ts'
import { createAuthorityStorage } from './authority.ts'
import { createDashboardStorage, createTrafficStorage } from './dashboard-stats.ts'
import { createDeliveryStorage } from './delivery.ts'
import { createStorageProbe } from './diagnostics.ts'
import { type Engine, StatementCompiler } from './engine.ts'
import { createGrantStorage } from './grants.ts'
import { createKeyCountStorage, createKeySearchStorage } from './key-search.ts'
import { createKeySecretStorage, createProofStorage } from './key-secrets.ts'
import { createKeyChangeStorage, createKeyReadStorage, createKeyUseStorage } from './keys.ts'
import { createMessageIdStorage, createMessageStorage } from './messages.ts'
import { createFirstOperatorStorage, createPasswordStorage } from './passwords.ts'
import { createRoutingStorage } from './routing.ts'
import { createSecondFactorStorage } from './second-factor.ts'
import {
  createSessionStorage,
  createSignInFailureStorage,
  createSignInListStorage,
} from './sessions.ts'
import { createTableStatements } from './statements.ts'
import {
  createSubscriptionListStorage,
  createSubscriptionQueueStorage,
} from './subscription-queues.ts'

/** Everything that is kept, on one engine. The SQL is written once, by subject, and compiled here. */
export function createStorage(unwatched: Engine): Storage {
  const compiler = new StatementCompiler(unwatched.sql)
  const { engine, probe } = createStorageProbe(unwatched, compiler)
  const audit = createAuditedChanges(engine, compiler)
  const rows = createTableStatements(engine, compiler)
  return {
    ...createAuthorityStorage(engine, compiler),
    ...createGrantStorage(engine, compiler, audit),
    ...createProofStorage(engine, compiler),
    ...createMessageStorage(engine, compiler, rows),
    ...createMessageIdStorage(engine, compiler),
    ...createDeliveryStorage(engine, compiler),
    ...createSubscriptionQueueStorage(engine, compiler, audit),
    ...createAccountStorage(compiler, rows, audit),
    ...createAccountResourceStorage(engine, compiler, rows, audit),
    ...createRoutingStorage(engine, compiler, rows, audit),
    ...createKeySecretStorage(compiler, audit),
    ...createKeyChangeStorage(compiler, audit),
    ...createKeyReadStorage(engine, compiler, rows),
    ...createEventStorage(engine, compiler),
    ...createAuditChainStorage(engine, compiler),
    ...createKeyUseStorage(engine, compiler),
    ...createSignInStorage(engine, compiler, audit),
    ...createTrafficStorage(engine, compiler),
    ...createKeySearchStorage(engine, compiler),
    ...createKeyCountStorage(engine, compiler),
    ...createSignInListStorage(engine, compiler),
    ...createUserSearchStorage(engine, compiler),
    ...createSubscriptionListStorage(engine, compiler),
    ...createEditStorage(compiler, audit),
    ...createDashboardStorage(engine, compiler),
    addEvent: audit.addEvent,

    probe,
    close: () => engine.close(),
  }
}

/** People who sign in. */
export const createSignInStorage = (
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): SignInStorage => ({
  ...createSessionStorage(engine, compiler),
  ...createPasswordStorage(engine, compiler, audit),
  ...createFirstOperatorStorage(engine, compiler, audit),
  ...createSecondFactorStorage(engine, compiler, audit),
  ...createSignInFailureStorage(engine, compiler),
})
