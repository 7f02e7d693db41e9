import { neighbourhood } from '../../domain/address.ts'
import { fail, ok, type Result } from '../../domain/failure.ts'
import { isWithin } from '../../domain/instant.ts'
import {
  type Counted,
  FAILURES_FORGOTTEN_MS,
  KNOWN_DEVICE_FAILURES,
  lockedFor,
  MAX_USERNAME_TRIES,
  waitAfter,
} from '../../domain/lockout.ts'
import type { AccessDeps } from './deps.ts'
import type { Unproven } from './failures.ts'
import { deviceTriesText, triesText, usernameTriesText } from './kept.ts'

/** A try that may be made, and is counted already. */
export interface Try {
  /** It went well: what was counted with it is forgotten. */
  readonly forgive: () => Promise<void>
  /** The known browser that it comes from, if any: failures of its address do not delay it. */
  readonly device?: string
}

/**
 * Counts tries to be somebody, in the database, so that all processes count together: of names that
 * exist and of names that do not. A try is counted before its work is done, and forgiven when it goes
 * well: of a thousand at once, those that come too early do no work.
 */
export function createTries({
  storage,
  digester,
  clock,
}: Pick<AccessDeps, 'storage' | 'digester' | 'clock'>) {
  // A rotation of the ring's digest key starts the counts anew, which is no guesser's to bring about.
  const idsOf = (username: string, address: string): Readonly<Record<Counted, string>> => ({
    here: digester.digest(triesText(username, neighbourhood(address))),
    anywhere: digester.digest(triesText(username, '')),
  })

  return { ofName, ofDevice, ofUsername, forgetName }

  async function ofName(username: string, address: string): Promise<Result<Try, Unproven>> {
    const now = clock()
    const byPlace = idsOf(username, address)
    const ids = Object.values(byPlace)
    const places = Object.keys(byPlace) as Counted[]

    const before = await read()
    const wait = Math.max(...places.map((place) => lockedFor(before[place], place, now)))
    if (wait > 0) return locked(wait)

    await storage.addFailure(ids, now, now - FAILURES_FORGOTTEN_MS + 1)
    const after = await read()
    const overtaken = places.map((place) => {
      const others = after[place].count - 1
      return others > before[place].count ? waitAfter(others, place) : 0
    })
    const longest = Math.max(...overtaken)
    if (longest > 0) return locked(longest)
    return ok({ forgive: () => storage.forgetFailures(ids) })

    async function read() {
      const found = await storage.listFailures(ids)
      const of = (place: Counted) => {
        const row = found.find(({ id }) => id === byPlace[place])
        return row === undefined || !isWithin(FAILURES_FORGOTTEN_MS, row.lastAt, now)
          ? { count: 0, lastAt: 0 }
          : row
      }
      return { here: of('here'), anywhere: of('anywhere') }
    }
  }

  /** Null where it was wrong so often that it is known no longer. */
  async function ofDevice(device: string): Promise<Try | null> {
    const taken = await countTry(KNOWN_DEVICE_FAILURES, deviceTriesText(device))
    return taken && { ...taken, device }
  }

  /** Counts a username that an invited user tries. Null if too many were tried. */
  function ofUsername(userId: string): Promise<Try | null> {
    return countTry(MAX_USERNAME_TRIES, usernameTriesText(userId))
  }

  async function countTry(max: number, text: string): Promise<Try | null> {
    const now = clock()
    const ids = [digester.digest(text)]
    if ((await count()) >= max) return null
    await storage.addFailure(ids, now, now - FAILURES_FORGOTTEN_MS + 1)
    const isOvertaken = (await count()) > max
    return isOvertaken ? null : { forgive: () => storage.forgetFailures(ids) }

    async function count(): Promise<number> {
      const [row] = await storage.listFailures(ids)
      return row === undefined || !isWithin(FAILURES_FORGOTTEN_MS, row.lastAt, now) ? 0 : row.count
    }
  }

  /** Its owner has shown himself by other means, from there: what strangers did is not held against him. */
  async function forgetName(username: string, address: string): Promise<void> {
    await storage.forgetFailures(Object.values(idsOf(username, address)))
  }
}

const locked = (ms: number) =>
  fail<Unproven>({ reason: 'locked', retryAfterSeconds: Math.ceil(ms / 1000) })
