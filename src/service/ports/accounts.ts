import type { AccountStatus } from '../../domain/key.ts'
import type { Role } from '../../domain/role.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './lists.ts'

export interface Account {
  readonly id: string
  readonly name: string
  readonly region: string
  readonly status: AccountStatus
  readonly createdAt: number
  /** The policy for the keys of deactivated owners. The keys are flagged in either case. */
  readonly offboardingPolicy: 'keep' | 'disable'
  /** True if keys may be used only from the listed addresses. An empty list allows all. */
  readonly ipAllowlistEnforced: boolean
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
  /** Unique on the server; null if the user has none. */
  readonly username: string | null
  readonly deactivatedAt: number | null
}

/** A developer of programs that offices use. */
export interface Developer {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly developerKey: string
  readonly createdAt: number
}

/** Writes each change and its audit event atomically. Returns false if the change's guard does not hold. */
export interface AccountStorage {
  addAccount(account: Account, event: AuditEvent): Promise<boolean>
  /** Guard: another user can still sign in as operator, or nobody could before. */
  setAccountStatus(id: string, status: AccountStatus, event: AuditEvent): Promise<boolean>
  setOffboardingPolicy(
    id: string,
    offboardingPolicy: Account['offboardingPolicy'],
    event: AuditEvent,
  ): Promise<boolean>
  setAllowlistEnforced(id: string, enforced: boolean, event: AuditEvent): Promise<boolean>
  listAccounts(page: Page & { accountId?: string | undefined }): Promise<Account[]>
  findAccount(id: string): Promise<Account | null>

  /** Guard: the account has no entry for that network. */
  addAllowlistEntry(rule: AllowlistEntry, event: AuditEvent): Promise<boolean>
  deleteAllowlistEntry(id: string, event: AuditEvent): Promise<boolean>
  listAllowlistEntries(accountId: string): Promise<AllowlistEntry[]>

  addSite(site: Site, event: AuditEvent): Promise<boolean>
  listSites(page: Page & { accountId?: string | undefined }): Promise<Site[]>
  findSite(id: string): Promise<Site | null>

  /** Guard: the account has no such e-mail address, and the server no such username. */
  addUser(user: User, event: AuditEvent): Promise<boolean>
  /**
   * Ends the user's invitations. Guard: the user is not the last operator who can sign in, or stays
   * operator; their role is still `expectedRole`.
   */
  setUserRole(id: string, role: Role, event: AuditEvent, expectedRole?: Role): Promise<boolean>
  /**
   * Deactivates the user, and disables their enabled keys if the account's policy says so. Guard: the
   * user is active, and not the last operator who can sign in; their role is still `expectedRole`.
   */
  deactivateUser(id: string, at: number, event: AuditEvent, expectedRole?: Role): Promise<boolean>
  listUsers(page: Page & { accountId?: string | undefined }): Promise<User[]>
  findUser(id: string): Promise<User | null>

  addDeveloper(developer: Developer, event: AuditEvent): Promise<boolean>
  listDevelopers(page: Page & { accountId?: string | undefined }): Promise<Developer[]>
  findDeveloper(id: string): Promise<Developer | null>
}

/** The kinds of rows that users can rename. */
export type RenamableKind = 'account' | 'site' | 'source' | 'destination' | 'developer'

/** The kinds of rows that users can delete. */
export type DeletableKind = RenamableKind | 'user' | 'subscription'

/** The kinds of rows that belong to an account. */
export type RowKind = DeletableKind | 'key' | 'message' | 'allowlistEntry' | 'sunset' | 'import'

/** Writes each edit and its audit event atomically. Returns false if the edit's guard does not hold. */
export interface EditStorage {
  rename(what: RenamableKind, id: string, name: string, event: AuditEvent): Promise<boolean>
  /** Guard: no other user of the account has the address; the user's role is still `role`. */
  setUserEmail(id: string, email: string, event: AuditEvent, role?: Role): Promise<boolean>
  /**
   * Deletes the row and keeps its events. Guard: nothing belongs to it, not even a revoked key; an
   * account is closed, a user is deactivated, a subscription has no queued message.
   */
  deleteRow(what: DeletableKind, id: string, event: AuditEvent): Promise<boolean>
  /**
   * Finds the account of a row; null if there is no such row. A subscription or message belongs to the
   * account of its source.
   */
  findRowAccountId(kind: RowKind, id: string): Promise<string | null>
}
