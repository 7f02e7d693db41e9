import {
  hasPermission,
  isServerPermission,
  listRolePermissions,
  type Permission,
  type Role,
} from '../domain/role.ts'
import { type ManagementStorage, scopeStorage } from './account-scope.ts'
import {
  type Accounts,
  createAccounts,
  createDevelopers,
  createIpAllowlist,
  createSites,
  type Developers,
  type IpAllowlist,
  type Sites,
} from './accounts/accounts.ts'
import { createDashboardStats, type DashboardStats } from './accounts/dashboard.ts'
import { createUsers, type Users } from './accounts/users.ts'
import { type Audit, createAudit } from './audit/audit.ts'
import type { ActorDeps } from './audit/audit-event.ts'
import type { AuditAnchor } from './audit/chain.ts'
import { createExplainRequest, type ExplainRequest } from './audit/explain.ts'
import { createImports, type Imports, type ImportsDeps } from './imports/imports.ts'
import { createKeys, type Keys } from './keys/keys.ts'
import { createJwksTest, type JwksTestDeps } from './keys/oauth-client.ts'
import type { KeySecretsDeps, KeysDeps } from './keys/secrets.ts'
import { createSunsets, type Sunsets } from './keys/sunsets.ts'
import { createRunExclusively } from './long-work.ts'
import { createMessages, type Messages, type MessagesDeps } from './messages/messages.ts'
import {
  createDestinations,
  createSources,
  createSubscriptions,
  type Destinations,
  type Sources,
  type Subscriptions,
} from './messages/routing.ts'
import { restrictServices } from './permissions.ts'
import type { AuditSigner } from './ports/audit.ts'
import type { WebhookClient } from './ports/outbound.ts'
import type { Storage } from './ports/storage.ts'

/** The use cases of the console, the management API and the command line. */
export interface Services {
  readonly accounts: Accounts
  readonly users: Users
  readonly sites: Sites
  readonly developers: Developers
  readonly ipAllowlist: IpAllowlist
  readonly sources: Sources
  readonly destinations: Destinations
  readonly subscriptions: Subscriptions
  readonly keys: Keys & JwksTest
  readonly sunsets: Sunsets
  readonly imports: Imports
  readonly messages: Messages
  readonly audit: Audit & {
    /** Explains the decisions about a request, which is found by its id. */
    readonly explain: ExplainRequest
  }
  readonly dashboard: DashboardStats
}

type JwksTest = ReturnType<typeof createJwksTest>

/** The user, the OAuth client, or the operator of the machine, that services act for. */
export interface Actor {
  /** The id of the user or the client's key, for the audit; `operator` on the command line. */
  readonly actor: string
  readonly role: Role
  /** The only account that the actor can access; null for all. */
  readonly accountId: string | null
  /** The permissions that a client has of those of the role; absent for all. */
  readonly permissions?: readonly Permission[] | undefined
  /** Null on the command line. */
  readonly requestId?: string | null
}

/** The services of one actor. Methods without permission throw, and other accounts are not visible. */
export interface ActorServices extends Services {
  /** Lets surfaces hide actions that the actor may not perform. */
  readonly can: (permission: Permission) => boolean
}

export interface ActorServicesDeps
  extends KeySecretsDeps,
    Pick<ImportsDeps, 'importedSecretVerifier' | 'importHashWidth'>,
    Pick<KeysDeps, 'importedSecrets'>,
    Pick<JwksTestDeps, 'clientKeys'>,
    Pick<ActorDeps, 'clock'>,
    Pick<MessagesDeps, 'keyCache' | 'wakeQueues' | 'nextMessageId' | 'log'> {
  readonly storage: Storage
  readonly webhookClient: WebhookClient
  readonly auditSigner: AuditSigner
  readonly anchor: AuditAnchor
  /** The region of accounts that are created without one. */
  readonly region: string
  /** The URL at which browsers reach the console. */
  readonly consoleUrl: string
}

/** Creates the services of an actor for each request, with the user's role at that moment. */
export function createServicesFor(deps: ActorServicesDeps) {
  const runExclusively = createRunExclusively(
    'another user is verifying the audit already: try again when that is done',
    deps.clock,
  )
  const runImportExclusively = createRunExclusively(
    'another import is running: try again when it has ended',
    deps.clock,
  )
  return function servicesFor({
    actor,
    role,
    accountId,
    permissions,
    requestId = null,
  }: Actor): ActorServices {
    if (accountId === null && !hasPermission(role, 'accounts.read')) {
      throw new Error(`${actor} is ${role}, and must have one account selected`)
    }
    const storage: ManagementStorage =
      accountId === null ? deps.storage : scopeStorage(deps.storage, accountId)
    const { clock } = deps
    const isIncluded = (permission: Permission) => permissions?.includes(permission) !== false
    const isPermitted = (permission: Permission) =>
      hasPermission(role, permission) &&
      isIncluded(permission) &&
      (accountId === null || !isServerPermission(permission))
    // An actor who manages users can get the permissions of each of them.
    const includesRole = (candidate: Role) => listRolePermissions(candidate).every(isIncluded)
    // To give a client permissions is to add a user who has them.
    const canGrant = (permission: Permission) =>
      isPermitted('users.write') && isPermitted(permission)
    const actorDeps = { ...deps, storage, actor, role, requestId, canGrant, includesRole }
    const services: Services = {
      accounts: createAccounts(actorDeps),
      users: createUsers(actorDeps),
      sites: createSites(actorDeps),
      developers: createDevelopers(actorDeps),
      ipAllowlist: createIpAllowlist(actorDeps),
      sources: createSources(actorDeps),
      destinations: createDestinations(actorDeps),
      subscriptions: createSubscriptions(actorDeps),
      keys: Object.assign(createKeys(actorDeps), createJwksTest(actorDeps)),
      sunsets: createSunsets(actorDeps),
      imports: createImports({ ...actorDeps, actorAccountId: accountId, runImportExclusively }),
      messages: createMessages(actorDeps),
      audit: {
        ...createAudit({ ...actorDeps, storage: deps.storage, events: storage, runExclusively }),
        explain: createExplainRequest({ storage, sealer: deps.sealer }),
      },
      dashboard: createDashboardStats({ storage, clock }),
    }
    return { ...restrictServices(services, isPermitted), can: isPermitted }
  }
}

export type ServicesFor = ReturnType<typeof createServicesFor>
