import type { Role } from '../domain/key.ts'
import { isOfServer, may, type Permission } from '../domain/role.ts'
import { type Accounts, createAccounts } from './accounts.ts'
import { type Audit, createAudit } from './audit.ts'
import type { AuditAnchor } from './audit-anchor.ts'
import { createExplain, type Explain } from './explain.ts'
import type { KeySecretsDeps } from './key-secrets.ts'
import { createKeys, type Keys } from './keys.ts'
import { createMessages, type Messages, type MessagesDeps } from './messages.ts'
import { createOneAtATime } from './one-at-a-time.ts'
import type { OperatorDeps } from './operator.ts'
import { createOverview, type Overview } from './overview.ts'
import { createPeople, type People } from './people.ts'
import { permitted } from './permits.ts'
import { createPlaces, type Places } from './places.ts'
import type { AuditStorage, Courier, Notary } from './ports.ts'
import { createRoutes, type Routes } from './routes.ts'
import { createScope, type DeskStorage } from './scope.ts'

/** What people do with the server, be it in a browser, by the management API or on the command line. */
export interface Services {
  readonly accounts: Accounts
  /** How others sign in. */
  readonly people: People
  readonly places: Places
  readonly routes: Routes
  readonly keys: Keys
  readonly messages: Messages
  readonly audit: Audit
  /** How things are, and what wants looking after. */
  readonly overview: Overview
  /** What was decided about a request, by its id. */
  readonly explain: Explain
}

/** Who works at a desk. */
export interface Worker {
  /** His user id, for the audit; `operator` for who has the machine. */
  readonly actor: string
  readonly role: Role
  /** The one account that he has in sight; null for all of them. */
  readonly accountId: string | null
  /** The request that he makes of it; null on the command line. */
  readonly requestId?: string | null
}

/** The services as one person has them: what he may not do is refused, other accounts do not exist. */
export interface Desk extends Services {
  /** What he may not do is not to be shown to him either. */
  readonly may: (permission: Permission) => boolean
}

export interface DeskDeps
  extends KeySecretsDeps,
    Pick<OperatorDeps, 'clock'>,
    Pick<MessagesDeps, 'standings' | 'wake' | 'nextMessageId' | 'log'> {
  readonly storage: DeskStorage & AuditStorage
  readonly courier: Courier
  readonly notary: Notary
  readonly anchor: AuditAnchor
  /** The region of accounts that name none. */
  readonly region: string
  /** Where people reach this server. */
  readonly consoleUrl: string
}

/** Cheap enough to be made for each request, with the role that its user has at that moment. */
export function createDeskOf(deps: DeskDeps) {
  const alone = createOneAtATime(
    'the chain is being verified already, for somebody else. All of it is read for that: try again when it is done',
    deps.clock,
  )
  return function deskOf({ actor, role, accountId, requestId = null }: Worker): Desk {
    if (accountId === null && !may(role, 'accounts.read')) {
      throw new Error(`${actor} is ${role}, and has one account in sight`)
    }
    const storage = accountId === null ? deps.storage : createScope(deps.storage, accountId)
    const { clock } = deps
    const its = { ...deps, storage, actor, role, requestId }
    const isPermitted = (permission: Permission) =>
      may(role, permission) && (accountId === null || !isOfServer(permission))
    const services: Services = {
      accounts: createAccounts(its),
      people: createPeople(its),
      places: createPlaces(its),
      routes: createRoutes(its),
      keys: createKeys(its),
      messages: createMessages(its),
      audit: createAudit({ ...its, storage: deps.storage, events: storage, alone }),
      overview: createOverview({ storage, clock }),
      explain: createExplain({ storage, sealer: deps.sealer }),
    }
    return { ...permitted(services, isPermitted), may: isPermitted }
  }
}

export type DeskOf = ReturnType<typeof createDeskOf>
