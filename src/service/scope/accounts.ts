import type { EditStorage } from '../ports/accounts.ts'
import type { SignInStorage } from '../ports/sign-in.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import { type AccountScope, rejectOutOfScope, runIfOwned } from './account-scope.ts'

type AccountVerbs = Pick<
  ResourceStorage,
  | 'addAccount'
  | 'setAccountStatus'
  | 'setOffboardingPolicy'
  | 'setAllowlistEnforced'
  | 'listAccounts'
  | 'findAccount'
  | 'addAllowlistEntry'
  | 'deleteAllowlistEntry'
  | 'listAllowlistEntries'
  | 'addSite'
  | 'listSites'
  | 'findSite'
  | 'addUser'
  | 'setUserRole'
  | 'deactivateUser'
  | 'listUsers'
  | 'findUser'
  | 'addDeveloper'
  | 'listDevelopers'
  | 'findDeveloper'
>

/** Scopes the account itself, its allowlist, sites, users and developers. */
export function scopeAccounts(storage: ResourceStorage, scope: AccountScope): AccountVerbs {
  return {
    // A scope has exactly one account.
    addAccount: async () => false,
    setAccountStatus: (id, status, event) =>
      runIfOwned(scope.account(id), () => storage.setAccountStatus(id, status, event), false),
    setOffboardingPolicy: (id, departedKeys, event) =>
      runIfOwned(
        scope.account(id),
        () => storage.setOffboardingPolicy(id, departedKeys, event),
        false,
      ),
    setAllowlistEnforced: (id, enforced, event) =>
      runIfOwned(scope.account(id), () => storage.setAllowlistEnforced(id, enforced, event), false),
    async listAccounts({ after = '', limit }) {
      const account = await storage.findAccount(scope.accountId)
      return account !== null && account.id > after && limit > 0 ? [account] : []
    },
    findAccount: (id) => runIfOwned(scope.account(id), () => storage.findAccount(id), null),

    addAllowlistEntry: (rule, event) =>
      runIfOwned(scope.row(rule), () => storage.addAllowlistEntry(rule, event), false),
    deleteAllowlistEntry: (id, event) =>
      runIfOwned(scope.addressRule(id), () => storage.deleteAllowlistEntry(id, event), false),
    listAllowlistEntries: (id) =>
      runIfOwned(scope.account(id), () => storage.listAllowlistEntries(id), []),

    addSite: (site, event) =>
      runIfOwned(scope.row(site), () => storage.addSite(site, event), false),
    listSites: (page) => scope.list(page, storage.listSites),
    findSite: scope.site,

    addUser: (user, event) =>
      runIfOwned(scope.row(user), () => storage.addUser(user, event), false),
    setUserRole: (id, role, event, expectedRole) =>
      runIfOwned(scope.user(id), () => storage.setUserRole(id, role, event, expectedRole), false),
    deactivateUser: (id, at, event, expectedRole) =>
      runIfOwned(scope.user(id), () => storage.deactivateUser(id, at, event, expectedRole), false),
    listUsers: (page) => scope.list(page, storage.listUsers),
    findUser: scope.user,

    addDeveloper: (developer, event) =>
      runIfOwned(scope.row(developer), () => storage.addDeveloper(developer, event), false),
    listDevelopers: (page) => scope.list(page, storage.listDevelopers),
    findDeveloper: scope.developer,
  }
}

/**
 * Scopes sign-in data to one account. A user who presents a secret (a password, a session, a link) is
 * in no account yet, so those lookups use the whole server's storage, before a scope exists.
 */
export function scopeSignIns(storage: SignInStorage, scope: AccountScope): SignInStorage {
  return {
    findCredentialsByUserId: (id) =>
      runIfOwned(scope.user(id), () => storage.findCredentialsByUserId(id), null),
    setUsername: (id, username, event, role) =>
      runIfOwned(scope.user(id), () => storage.setUsername(id, username, event, role), false),

    addSession: (session, event, hash) =>
      runIfOwned(scope.user(session.userId), () => storage.addSession(session, event, hash), false),
    deleteSessions: (id, exceptSessionId, event) =>
      runIfOwned(scope.user(id), () => storage.deleteSessions(id, exceptSessionId, event), 0),
    listSessions: (id, now) => runIfOwned(scope.user(id), () => storage.listSessions(id, now), []),

    async addInvitation(invitation, event, role) {
      if (invitation.userId === null) return false
      return runIfOwned(
        scope.user(invitation.userId),
        () => storage.addInvitation(invitation, event, role),
        false,
      )
    },
    setPassword: (id, change, event) =>
      runIfOwned(scope.user(id), () => storage.setPassword(id, change, event), false),

    setSecondFactor: (id, totp, event, role) =>
      runIfOwned(scope.user(id), () => storage.setSecondFactor(id, totp, event, role), false),
    claimTotpStep: (id, step) =>
      runIfOwned(scope.user(id), () => storage.claimTotpStep(id, step), false),
    claimRecoveryCode: (id, digests, event) =>
      runIfOwned(scope.user(id), () => storage.claimRecoveryCode(id, digests, event), false),
    countRecoveryCodes: (id) => runIfOwned(scope.user(id), () => storage.countRecoveryCodes(id), 0),

    hasActiveOperator: rejectOutOfScope('hasActiveOperator'),
    addFirstOperator: rejectOutOfScope('addFirstOperator'),
    findCredentialsByUsername: rejectOutOfScope('findCredentialsByUsername'),
    findSession: rejectOutOfScope('findSession'),
    touchSession: rejectOutOfScope('touchSession'),
    // A session's row id does not tell its account. Within a scope, only all sessions of a user can
    // be ended.
    deleteSession: rejectOutOfScope('deleteSession'),
    findInvitation: rejectOutOfScope('findInvitation'),
    listFailureCounts: rejectOutOfScope('listFailureCounts'),
    addFailure: rejectOutOfScope('addFailure'),
    deleteFailures: rejectOutOfScope('deleteFailures'),
    purgeExpiredSignIns: rejectOutOfScope('purgeExpiredSignIns'),
  }
}

/** Scopes edits to one account. */
export function scopeEdits(storage: EditStorage, scope: AccountScope): EditStorage {
  return {
    // Each kind is also the name of its finder in the scope.
    rename: (kind, id, name, event) =>
      runIfOwned(scope[kind](id), () => storage.rename(kind, id, name, event), false),
    setUserEmail: (id, email, event, role) =>
      runIfOwned(scope.user(id), () => storage.setUserEmail(id, email, event, role), false),
    deleteRow: (kind, id, event) =>
      runIfOwned(scope[kind](id), () => storage.deleteRow(kind, id, event), false),
  }
}
