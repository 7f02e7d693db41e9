import { ok } from '../domain/failure.ts'
import type { Role } from '../domain/key.ts'
import { mayGrant, mayManage, type Person } from '../domain/role.ts'
import { conflict, type Done, forbidden } from './operator.ts'
import type { User } from './ports.ts'

/** The user, if `me` may change what lets him in: role, username, password, sessions, leaving. */
export function managed(me: Person, user: User): Done<User> {
  if (mayManage(me, user)) return ok(user)
  return forbidden(
    me.id === user.id
      ? 'nobody changes their own role or leaves by their own hand: ask somebody else'
      : `${user.email} is ${user.role}: only somebody of that role or above may change them`,
  )
}

/** Somebody else was faster: what was allowed for the role that was may not be for the one that is. */
export const changedMeanwhile = ({ email }: User) =>
  conflict(`${email} was changed by somebody else just now, and nothing was done: look again`)

/** Why a change of this user was not made: for a role that is another `now`, or, where it is not, `otherwise`. */
export const whyUnchanged = <Why>(user: User, now: User | null, otherwise: Why) =>
  now?.role === user.role ? otherwise : changedMeanwhile(user)

/** The role, if `me` may give it. */
export const granted = (me: Person, role: Role): Done<Role> =>
  mayGrant(me.role, role) ? ok(role) : forbidden(`only who is ${role} may make somebody ${role}`)
