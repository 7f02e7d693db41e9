import type { Role } from '../domain/key.ts'
import { hasPermission, isServerPermission, type Permission } from '../domain/role.ts'
import { type Accounts, createAccounts } from './accounts/accounts.ts'
import { createDashboardStats, type DashboardStats } from './accounts/dashboard.ts'
import { createDirectory, type Directory } from './accounts/directory.ts'
import { createUsers, type Users } from './accounts/users.ts'
import type { AuditAnchor } from './audit/anchor.ts'
import { type Audit, createAudit, createRunExclusively } from './audit/audit.ts'
import { createExplainRequest, type ExplainRequest } from './audit/explain.ts'
import { createKeys, type Keys } from './keys/keys.ts'
import type { KeySecretsDeps } from './keys/secrets.ts'
import { createMessages, type Messages, type MessagesDeps } from './messages/messages.ts'
import { createRouting, type Routing } from './messages/routing.ts'
import { restrictServices } from './permissions.ts'
import type { AuditSigner, AuditStorage } from './ports/audit.ts'
import type { WebhookClient } from './ports/outbound.ts'
import { type ManagementStorage, scopeStorage } from './scope/storage.ts'
import type { ActorDeps } from './service-result.ts'

/** What people do with the server, be it in a browser, by the management API or on the command line. */
export interface Services {
  readonly accounts: Accounts
  /** How others sign in. */
  readonly users: Users
  readonly directory: Directory
  readonly routing: Routing
  readonly keys: Keys
  readonly messages: Messages
  readonly audit: Audit
  /** How things are, and what wants looking after. */
  readonly dashboard: DashboardStats
  /** What was decided about a request, by its id. */
  readonly explain: ExplainRequest
}

/** Who works at a desk. */
export interface Actor {
  /** His user id, for the audit; `operator` for who has the machine. */
  readonly actor: string
  readonly role: Role
  /** The one account that he has in sight; null for all of them. */
  readonly accountId: string | null
  /** The request that he makes of it; null on the command line. */
  readonly requestId?: string | null
}

/** The services as one person has them: what he may not do is refused, other accounts do not exist. */
export interface ActorServices extends Services {
  /** What he may not do is not to be shown to him either. */
  readonly can: (permission: Permission) => boolean
}

export interface ActorServicesDeps
  extends KeySecretsDeps,
    Pick<ActorDeps, 'clock'>,
    Pick<MessagesDeps, 'keyCache' | 'wakeQueues' | 'nextMessageId' | 'log'> {
  readonly storage: ManagementStorage & AuditStorage
  readonly webhookClient: WebhookClient
  readonly auditSigner: AuditSigner
  readonly anchor: AuditAnchor
  /** The region of accounts that name none. */
  readonly region: string
  /** Where people reach this server. */
  readonly consoleUrl: string
}

/** Cheap enough to be made for each request, with the role that its user has at that moment. */
export function createServicesFor(deps: ActorServicesDeps) {
  const runExclusively = createRunExclusively(
    'the chain is being verified already, for somebody else. All of it is read for that: try again when it is done',
    deps.clock,
  )
  return function servicesFor({ actor, role, accountId, requestId = null }: Actor): ActorServices {
    if (accountId === null && !hasPermission(role, 'accounts.read')) {
      throw new Error(`${actor} is ${role}, and has one account in sight`)
    }
    const storage = accountId === null ? deps.storage : scopeStorage(deps.storage, accountId)
    const { clock } = deps
    const actorDeps = { ...deps, storage, actor, role, requestId }
    const isPermitted = (permission: Permission) =>
      hasPermission(role, permission) && (accountId === null || !isServerPermission(permission))
    const services: Services = {
      accounts: createAccounts(actorDeps),
      users: createUsers(actorDeps),
      directory: createDirectory(actorDeps),
      routing: createRouting(actorDeps),
      keys: createKeys(actorDeps),
      messages: createMessages(actorDeps),
      audit: createAudit({ ...actorDeps, storage: deps.storage, events: storage, runExclusively }),
      dashboard: createDashboardStats({ storage, clock }),
      explain: createExplainRequest({ storage, sealer: deps.sealer }),
    }
    return { ...restrictServices(services, isPermitted), can: isPermitted }
  }
}

export type ServicesFor = ReturnType<typeof createServicesFor>
