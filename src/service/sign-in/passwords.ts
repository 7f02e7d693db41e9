import { fail, ok, type Result } from '../../domain/failure.ts'
import { findPasswordProblem, normalizePassword } from '../../domain/user.ts'
import type { Caller } from '../caller.ts'
import type { User } from '../ports/accounts.ts'
import { type HasherBusy, toHasherBusy } from '../ports/crypto.ts'
import { createUserEvent, type SignInDeps } from './context.ts'
import { CREDENTIALS_CHANGED, type InvalidField, type SignInConflict } from './failures.ts'
import type { Reauthentication } from './reauthenticate.ts'
import { createDeviceMarks } from './throttle.ts'

/** Hashes a new password, if it is valid for a user with these names. */
export async function hashNewPassword(
  { hasher }: Pick<SignInDeps, 'hasher'>,
  password: string,
  names: readonly string[],
): Promise<Result<string, InvalidField | HasherBusy>> {
  const message = findPasswordProblem(password, names)
  const normalized = normalizePassword(password)
  if (message !== null || normalized === null) {
    return fail({ reason: 'unfit', field: 'password', message: message ?? 'it cannot be read' })
  }
  const hashed = await hasher.hash(normalized)
  return hashed.ok ? hashed : fail(toHasherBusy(hashed.failure))
}

export const listUserNames = ({ username, email }: Pick<User, 'username' | 'email'>): string[] =>
  username === null ? [email] : [username, email]

export function createPasswords(deps: SignInDeps) {
  const deviceMarks = createDeviceMarks(deps)
  return {
    /**
     * Changes the password, which ends every other session and every API token of the user. Returns a
     * new device mark for their browser, because earlier marks are now invalid.
     */
    async change(
      reauthentication: Reauthentication,
      newPassword: string,
      caller: Caller,
    ): Promise<Result<string, InvalidField | SignInConflict | HasherBusy>> {
      const { user, session } = reauthentication.signedInUser
      if (reauthentication.isPassword(newPassword)) return fail(SAME_PASSWORD)
      const hashed = await hashNewPassword(deps, newPassword, listUserNames(user))
      if (!hashed.ok) return hashed
      const was = reauthentication.passwordHash
      const passwordChange = { hash: hashed.value, invitationId: null, but: session.id, was }
      const event = createUserEvent(deps, user.id, caller, 'user.password_changed')
      const changed = await deps.storage.setPassword(user.id, passwordChange, event)
      return changed ? ok(deviceMarks.createMark(user.id, hashed.value)) : fail(CREDENTIALS_CHANGED)
    },
  }
}

const SAME_PASSWORD: InvalidField = {
  reason: 'unfit',
  field: 'password',
  message: 'this is your current password: choose another one',
}
