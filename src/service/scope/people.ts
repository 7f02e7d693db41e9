import type { PeopleStorage } from '../ports/people.ts'
import { type Own, outOfScope, withOwn } from './own.ts'

/**
 * How people sign in, where no other account exists. Who is known by a secret (a password, a session, a
 * link) is not yet in any account: that is looked for in the whole server, before there is a desk.
 */
export function scopePeople(storage: PeopleStorage, own: Own): PeopleStorage {
  return {
    findCredentialsOf: (id) => withOwn(own.user(id), () => storage.findCredentialsOf(id), null),
    setUsername: (id, username, event, role) =>
      withOwn(own.user(id), () => storage.setUsername(id, username, event, role), false),

    addSession: (session, event) =>
      withOwn(own.user(session.userId), () => storage.addSession(session, event), false),
    removeSessions: (id, but, event) =>
      withOwn(own.user(id), () => storage.removeSessions(id, but, event), 0),
    listSessions: (id, now) => withOwn(own.user(id), () => storage.listSessions(id, now), []),

    async addInvitation(invitation, event, role) {
      if (invitation.userId === null) return false
      return withOwn(
        own.user(invitation.userId),
        () => storage.addInvitation(invitation, event, role),
        false,
      )
    },
    setPassword: (id, wish, event) =>
      withOwn(own.user(id), () => storage.setPassword(id, wish, event), false),

    setTotp: (id, totp, event, role) =>
      withOwn(own.user(id), () => storage.setTotp(id, totp, event, role), false),
    takeTotpStep: (id, step) => withOwn(own.user(id), () => storage.takeTotpStep(id, step), false),
    takeRecoveryCode: (id, digests, event) =>
      withOwn(own.user(id), () => storage.takeRecoveryCode(id, digests, event), false),
    countRecoveryCodes: (id) => withOwn(own.user(id), () => storage.countRecoveryCodes(id), 0),

    hasOperator: outOfScope('hasOperator'),
    addFirstOperator: outOfScope('addFirstOperator'),
    findCredentials: outOfScope('findCredentials'),
    findSession: outOfScope('findSession'),
    touchSession: outOfScope('touchSession'),
    // By a row id that says nothing of whose it is. At a desk, all sessions of a user end, or none.
    removeSession: outOfScope('removeSession'),
    findInvitation: outOfScope('findInvitation'),
    listFailures: outOfScope('listFailures'),
    addFailure: outOfScope('addFailure'),
    forgetFailures: outOfScope('forgetFailures'),
    purgeSessions: outOfScope('purgeSessions'),
  }
}
