import { fail, ok, type Result } from '../../domain/failure.ts'
import { normalPassword, whyUnfit } from '../../domain/password.ts'
import type { User } from '../ports.ts'
import type { Caller } from '../refused.ts'
import type { Himself } from './again.ts'
import { type AccessDeps, ownEvent } from './deps.ts'
import { createDevices } from './devices.ts'
import { type Busy, busyOf, type NotSo, type Unfit } from './failures.ts'

/** The hash of a new password, if it is fit for whoever has these names. */
export async function hashNew(
  { hasher }: Pick<AccessDeps, 'hasher'>,
  password: string,
  names: readonly string[],
): Promise<Result<string, Unfit | Busy>> {
  const message = whyUnfit(password, names)
  const normal = normalPassword(password)
  if (message !== null || normal === null) {
    return fail({ reason: 'unfit', field: 'password', message: message ?? 'it cannot be read' })
  }
  const hashed = await hasher.hash(normal)
  return hashed.ok ? hashed : fail(busyOf(hashed.failure))
}

export const namesOf = ({ username, email }: Pick<User, 'username' | 'email'>): string[] =>
  username === null ? [email] : [username, email]

export function createPasswords(deps: AccessDeps) {
  const devices = createDevices(deps)
  return {
    /**
     * Ends every other session and every token of his: whoever had the old one is out. Answers the mark
     * of his browser: what was given before is worth nothing.
     */
    async change(
      himself: Himself,
      wished: string,
      caller: Caller,
    ): Promise<Result<string, Unfit | NotSo | Busy>> {
      const { user, session } = himself.who
      if (himself.isPassword(wished)) return fail(same)
      const hashed = await hashNew(deps, wished, namesOf(user))
      if (!hashed.ok) return hashed
      const wish = { hash: hashed.value, invitationId: null, but: session.id }
      const event = ownEvent(deps, user.id, caller, 'user.password_changed')
      const changed = await deps.storage.setPassword(user.id, wish, event)
      return changed
        ? ok(devices.write(user.id, hashed.value))
        : fail({ reason: 'conflict', message: 'you have left' })
    },
  }
}

const same: Unfit = {
  reason: 'unfit',
  field: 'password',
  message: 'this is the password that you have already',
}
