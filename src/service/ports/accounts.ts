import type { AccountStatus, Role } from '../../domain/key.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './lists.ts'

export interface Account {
  readonly id: string
  readonly name: string
  readonly region: string
  readonly status: AccountStatus
  readonly createdAt: number
  /** What becomes of the keys of an owner who leaves. They are flagged either way. */
  readonly departedKeys: 'keep' | 'disable'
  /** Whether its keys may be used from the listed addresses only. An empty list enforces nothing. */
  readonly addressesEnforced: boolean
}

/** An address or CIDR from which an account's keys may be used. */
export interface AllowlistEntry {
  readonly id: string
  readonly accountId: string
  readonly network: string
  readonly note: string
  readonly createdAt: number
}

export interface Site {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly createdAt: number
}

export interface User {
  readonly id: string
  readonly accountId: string
  readonly email: string
  readonly role: Role
  readonly createdAt: number
  /** One in the whole server; null for who has none. */
  readonly username: string | null
  readonly leftAt: number | null
}

/** Who writes programs that offices take into use. */
export interface Developer {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly developerKey: string
  readonly createdAt: number
}

/** Each change and its audit event are one atomic list. False: the change's own guard did not hold. */
export interface AccountStorage {
  addAccount(account: Account, event: AuditEvent): Promise<boolean>
  /** Guard: whom it shuts out, somebody else can still sign in as operator, or nobody could before. */
  setAccountStatus(id: string, status: AccountStatus, event: AuditEvent): Promise<boolean>
  setOffboardingPolicy(
    id: string,
    departedKeys: Account['departedKeys'],
    event: AuditEvent,
  ): Promise<boolean>
  setAllowlistEnforced(id: string, enforced: boolean, event: AuditEvent): Promise<boolean>
  listAccounts(page: Page): Promise<Account[]>
  findAccount(id: string): Promise<Account | null>

  /** Guard: the account has no rule for that network. */
  addAllowlistEntry(rule: AllowlistEntry, event: AuditEvent): Promise<boolean>
  deleteAllowlistEntry(id: string, event: AuditEvent): Promise<boolean>
  listAllowlistEntries(accountId: string): Promise<AllowlistEntry[]>

  addSite(site: Site, event: AuditEvent): Promise<boolean>
  listSites(page: Page & { accountId?: string | undefined }): Promise<Site[]>
  findSite(id: string): Promise<Site | null>

  /** Guard: the account has no such e-mail address, the server no such username. */
  addUser(user: User, event: AuditEvent): Promise<boolean>
  /**
   * Ends their invitations. Guard: it is not the last operator who can sign in, or stays operator; the
   * role is `was` still.
   */
  setUserRole(id: string, role: Role, event: AuditEvent, expectedRole?: Role): Promise<boolean>
  /**
   * The owner has left. Where the account wants it, the keys that are enabled are disabled as well.
   * Guard: they have not left before, and are not the last operator who can sign in; the role is `was`
   * still.
   */
  deactivateUser(id: string, at: number, event: AuditEvent, expectedRole?: Role): Promise<boolean>
  listUsers(page: Page & { accountId?: string | undefined }): Promise<User[]>
  findUser(id: string): Promise<User | null>

  addDeveloper(developer: Developer, event: AuditEvent): Promise<boolean>
  listDevelopers(page: Page & { accountId?: string | undefined }): Promise<Developer[]>
  findDeveloper(id: string): Promise<Developer | null>
}

/** What has a name that people may change. */
export type RenamableKind = 'account' | 'site' | 'source' | 'destination' | 'developer'

/** Edits of small things. Each change and its event are one atomic list; false: its guard did not hold. */
export interface EditStorage {
  rename(what: RenamableKind, id: string, name: string, event: AuditEvent): Promise<boolean>
  /** Guard: nobody else of the account has it; the user has `role` still. */
  setUserEmail(id: string, email: string, event: AuditEvent, role?: Role): Promise<boolean>
  /** Its row is gone; the event stays. Guard: no key is assigned to it. */
  deleteSite(id: string, event: AuditEvent): Promise<boolean>
  /** Its row is gone; the event stays. Guard: no key is of it, be it revoked. */
  deleteDeveloper(id: string, event: AuditEvent): Promise<boolean>
  /** Its row is gone; the event stays. Guard: nothing is queued in it. */
  deleteSubscription(id: string, event: AuditEvent): Promise<boolean>
}
