import { type Failure, fail, ok, type Result } from '../../domain/failure.ts'
import type { SignInRefusal } from '../../domain/sign-in.ts'
import type { Credentials } from '../ports/people.ts'
import { NOBODY } from '../recorder.ts'
import type { Caller } from '../refused.ts'
import type { AccessDeps } from './deps.ts'
import { createDevices } from './devices.ts'
import { busyOf, type Unproven } from './failures.ts'
import { createTries, type Try } from './tries.ts'

/** Who somebody says he is, and the mark that his browser holds. */
export interface Claimed {
  readonly username: string
  readonly device?: string | undefined
}

/** What every try to be somebody begins with, be it with a password or with a code. */
export function createBegin(deps: AccessDeps) {
  const { guesses, recorder } = deps
  const tries = createTries(deps)
  const devices = createDevices(deps)

  /** Tells the audit, which nobody waits for. */
  function refused(userId: string | null, reason: SignInRefusal, caller: Caller): void {
    const facts = { surface: 'console', reason }
    recorder.record({ action: 'session.refused', subject: userId ?? NOBODY, caller, facts })
  }

  /** One more try, where it may be made now: at a browser that is known, or under this name from this place. */
  async function begin(
    { username, device }: Claimed,
    credentials: Credentials | null,
    caller: Caller,
  ): Promise<Result<Try, Unproven>> {
    const known = device === undefined ? null : devices.read(device, credentials)
    const his = known === null ? null : await tries.ofDevice(known)
    if (his !== null) return ok(his)
    const mayTry = guesses.mayTry(caller.address)
    const taken = mayTry.ok
      ? await tries.ofName(username, caller.address)
      : fail(unprovenOf(mayTry.failure))
    if (!taken.ok) refused(null, 'locked', caller)
    return taken
  }

  return { begin, refused }
}

/** The address has failed too often, or the server has too much to do. */
export function unprovenOf(failure: Failure): Unproven {
  return failure.reason === 'guessing'
    ? { reason: 'locked', retryAfterSeconds: failure.retryAfterSeconds }
    : busyOf(failure)
}
