import type { PeopleStorage } from '../ports/people.ts'
import { type Own, outOfScope, withOwn } from './own.ts'

/** How people sign in, as far as it is others' work: what each does for himself needs no desk. */
export type Admitting = Pick<
  PeopleStorage,
  | 'hasOperator'
  | 'findCredentialsOf'
  | 'setUsername'
  | 'removeSessions'
  | 'addInvitation'
  | 'setTotp'
>

export function scopePeople(storage: Admitting, own: Own): Admitting {
  return {
    hasOperator: outOfScope('hasOperator'),
    findCredentialsOf: (id) => withOwn(own.user(id), () => storage.findCredentialsOf(id), null),
    setUsername: (id, username, event) =>
      withOwn(own.user(id), () => storage.setUsername(id, username, event), false),
    removeSessions: (id, but, event) =>
      withOwn(own.user(id), () => storage.removeSessions(id, but, event), 0),
    addInvitation: (invitation, event) =>
      invitation.userId === null
        ? Promise.resolve(false)
        : withOwn(
            own.user(invitation.userId),
            () => storage.addInvitation(invitation, event),
            false,
          ),
    setTotp: (id, totp, event) =>
      withOwn(own.user(id), () => storage.setTotp(id, totp, event), false),
  }
}
