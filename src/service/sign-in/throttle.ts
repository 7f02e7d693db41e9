import { fail, ok, type Result } from '../../domain/failure.ts'
import { isPending, isWithinLast } from '../../domain/instant.ts'
import { toAddressBlock } from '../../domain/ip-network.ts'
import {
  computeLockoutMs,
  computeRemainingLockoutMs,
  FAILURE_MEMORY_MS,
  type FailureScope,
  MAX_KNOWN_DEVICE_FAILURES,
  MAX_USERNAME_TRIES,
} from '../../domain/limits.ts'
import type { UserCredentials } from '../ports/sign-in.ts'
import type { SignInDeps } from './context.ts'
import {
  toDeviceAttemptsDigestText,
  toDeviceDigestText,
  toSignInAttemptsDigestText,
  toUsernameAttemptsDigestText,
} from './digest-texts.ts'
import type { SignInRejection } from './failures.ts'

/** An allowed sign-in attempt, which is already counted. */
export interface SignInAttempt {
  /** Resets the counts after a success. */
  readonly clearAttempt: () => Promise<void>
  /** The known browser of the attempt, if any. Failures of its address do not delay it. */
  readonly device?: string
}

/**
 * Counts sign-in attempts in the database, so that all processes count together, for existing and
 * unknown names alike. An attempt is counted before its work, and the count is reset after a success:
 * of a thousand attempts at once, those that come too early do no work.
 */
export function createSignInThrottle({
  storage,
  digester,
  clock,
}: Pick<SignInDeps, 'storage' | 'digester' | 'clock'>) {
  // A rotation of the ring's digest key restarts the counts. An attacker cannot cause one.
  const toCounterIds = (
    username: string,
    address: string,
  ): Readonly<Record<FailureScope, string>> => ({
    here: digester.digest(toSignInAttemptsDigestText(username, toAddressBlock(address))),
    anywhere: digester.digest(toSignInAttemptsDigestText(username, '')),
  })

  return { countForName, countForDevice, countUsernameChoice, clearName }

  async function countForName(
    username: string,
    address: string,
  ): Promise<Result<SignInAttempt, SignInRejection>> {
    const now = clock()
    const idByScope = toCounterIds(username, address)
    const ids = Object.values(idByScope)
    const scopes = Object.keys(idByScope) as FailureScope[]

    const before = await read()
    const wait = Math.max(
      ...scopes.map((scope) => computeRemainingLockoutMs(before[scope], scope, now)),
    )
    if (wait > 0) return failLocked(wait)

    await storage.addFailure(ids, now, now - FAILURE_MEMORY_MS + 1)
    const after = await read()
    const waits = scopes.map((scope) => {
      const others = after[scope].count - 1
      return others > before[scope].count ? computeLockoutMs(others, scope) : 0
    })
    const longest = Math.max(...waits)
    if (longest > 0) return failLocked(longest)
    return ok({ clearAttempt: () => storage.deleteFailures(ids) })

    async function read() {
      const rows = await storage.listFailureCounts(ids)
      const getCount = (scope: FailureScope) => {
        const row = rows.find(({ id }) => id === idByScope[scope])
        return row === undefined || !isWithinLast(FAILURE_MEMORY_MS, row.lastAt, now)
          ? { count: 0, lastAt: 0 }
          : row
      }
      return { here: getCount('here'), anywhere: getCount('anywhere') }
    }
  }

  /** Returns null if the browser failed so often that it is no longer known. */
  async function countForDevice(device: string): Promise<SignInAttempt | null> {
    const attempt = await countAttempt(
      MAX_KNOWN_DEVICE_FAILURES,
      toDeviceAttemptsDigestText(device),
    )
    return attempt && { ...attempt, device }
  }

  /** Counts a username that an invited user tries. Null if too many were tried. */
  function countUsernameChoice(userId: string): Promise<SignInAttempt | null> {
    return countAttempt(MAX_USERNAME_TRIES, toUsernameAttemptsDigestText(userId))
  }

  async function countAttempt(max: number, text: string): Promise<SignInAttempt | null> {
    const now = clock()
    const ids = [digester.digest(text)]
    if ((await count()) >= max) return null
    await storage.addFailure(ids, now, now - FAILURE_MEMORY_MS + 1)
    const isOverLimit = (await count()) > max
    return isOverLimit ? null : { clearAttempt: () => storage.deleteFailures(ids) }

    async function count(): Promise<number> {
      const [row] = await storage.listFailureCounts(ids)
      return row === undefined || !isWithinLast(FAILURE_MEMORY_MS, row.lastAt, now) ? 0 : row.count
    }
  }

  /**
   * Resets the counts after the user proved their identity by other means, so that strangers' failures
   * do not delay them.
   */
  async function clearName(username: string, address: string): Promise<void> {
    await storage.deleteFailures(Object.values(toCounterIds(username, address)))
  }
}

const failLocked = (ms: number) =>
  fail<SignInRejection>({ reason: 'locked', retryAfterSeconds: Math.ceil(ms / 1000) })

/** The time for which a browser stays known after a sign-in. */
export const DEVICE_MARK_MS = 365 * 24 * 60 * 60 * 1000

/**
 * Creates and verifies device marks (OWASP device cookies). Attempts in a browser that the user has
 * signed in with are counted apart, so that strangers who fail under their name do not lock them out.
 * A mark grants no access, and is invalid for another user or after a password change. It is not
 * stored.
 */
export function createDeviceMarks({
  digester,
  random,
  clock,
}: Pick<SignInDeps, 'digester' | 'random' | 'clock'>) {
  return {
    /**
     * Creates a new mark at each sign-in, so that a copy of the previous one gains nothing from its
     * owner's success.
     */
    createMark(userId: string, passwordHash: string): string {
      const name = `${clock() + DEVICE_MARK_MS}.${random.salt()}`
      return `${name}.${digester.digest(toDeviceDigestText(userId, passwordHash, name))}`
    },

    /**
     * Returns the name of the user's device; null if the mark is not valid for this user, or there is
     * no user.
     */
    parseMark(
      mark: string,
      credentials: Pick<UserCredentials, 'user' | 'passwordHash'> | null,
    ): string | null {
      const [, name = '', expiresAtText = '', digest = ''] =
        /^((\d+)\.[\w-]+)\.(.+)$/.exec(mark) ?? []
      const text = toDeviceDigestText(
        credentials?.user.id ?? '',
        credentials?.passwordHash ?? '',
        name,
      )
      const isGenuine = digester.matches(text, [digest]) && credentials?.passwordHash != null
      return isGenuine && isPending(Number(expiresAtText), DEVICE_MARK_MS, clock()) ? name : null
    },
  }
}
