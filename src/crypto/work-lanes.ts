import { fail, type Result } from '../domain/failure.ts'
import type { Clock, Lane, Requester } from '../service/ports.ts'

export interface WorkLaneLimits {
  /** How many tasks run at once, in all lanes together. */
  readonly width: number
  /** How many tasks may wait in each lane. */
  readonly queue: number
  /** How long a task may wait. */
  readonly waitMs: number
}

interface Waiter {
  readonly since: number
  /** Called once: true starts the work, false refuses it as busy. */
  readonly answer: (isItsTurn: boolean) => void
}

type Shares = Map<string, Waiter[]>

const RETRY_AFTER_SECONDS = 2

/**
 * Runs slow work in turns. Turns alternate between the lanes, and within a lane between the parties
 * that wait there. When a lane is full, the party with the most waiting tasks loses its newest one. A
 * turn lasts until its work ends, even if the caller has gone.
 */
export function createWorkLanes({ width, queue, waitMs }: WorkLaneLimits, clock: Clock) {
  const lanes: Record<Lane, Shares> = { vendors: new Map(), people: new Map() }
  let free = width
  let lastLane: Lane = 'people'

  return async function take<T>(
    requester: Pick<Requester, 'lane' | 'party'>,
    work: () => Promise<Result<T>>,
  ): Promise<Result<T>> {
    if (free > 0) {
      free--
      lastLane = requester.lane
    } else if (!(await waitForTurn(requester))) {
      return fail({ reason: 'busy', retryAfterSeconds: RETRY_AFTER_SECONDS })
    }
    try {
      return await work()
    } finally {
      const next = takeNext()
      if (next === undefined) free++
      else next.answer(true)
    }
  }

  function waitForTurn({ lane, party }: Pick<Requester, 'lane' | 'party'>): Promise<boolean> {
    const shares = lanes[lane]
    dropExpired(shares)
    const own = shares.get(party) ?? []
    if (countWaiters(shares) >= queue && !makeRoom(shares, own.length))
      return Promise.resolve(false)
    return new Promise((answer) => {
      own.push({ since: clock(), answer })
      shares.set(party, own)
    })
  }

  /** Refuses the newest waiter of the party with the most, if that party has more than its share. */
  function makeRoom(shares: Shares, ownCount: number): boolean {
    const [longest] = [...shares.values()].sort((a, b) => b.length - a.length)
    if (longest === undefined || longest.length <= ownCount + 1) return false
    longest.pop()?.answer(false)
    return true
  }

  function takeNext(): Waiter | undefined {
    const order: Lane[] = lastLane === 'people' ? ['vendors', 'people'] : ['people', 'vendors']
    for (const lane of order) {
      const shares = lanes[lane]
      dropExpired(shares)
      const [first] = shares
      if (first === undefined) continue
      const [party, waiters] = first
      const waiter = waiters.shift()
      shares.delete(party)
      if (waiters.length > 0) shares.set(party, waiters)
      lastLane = lane
      return waiter
    }
    return undefined
  }

  /** Refuses waiters that have waited too long, or since a time in the future: the clock was set back. */
  function dropExpired(shares: Shares): void {
    const now = clock()
    for (const [party, waiters] of shares) {
      while (waiters[0] !== undefined && Math.abs(now - waiters[0].since) >= waitMs) {
        waiters.shift()?.answer(false)
      }
      if (waiters.length === 0) shares.delete(party)
    }
  }
}

const countWaiters = (shares: Shares): number =>
  [...shares.values()].reduce((sum, { length }) => sum + length, 0)
