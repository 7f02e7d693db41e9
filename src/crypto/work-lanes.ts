import { fail, type Result } from '../domain/failure.ts'
import type { Asker, Clock, Lane } from '../service/ports.ts'

export interface WorkLaneLimits {
  /** How much work is done at once, of all lanes together. */
  readonly width: number
  /** How many may wait in each lane. */
  readonly queue: number
  /** How long each may wait. */
  readonly waitMs: number
}

interface Waiter {
  readonly since: number
  /** Called once: with true when its turn has come, with false when it is to come back later. */
  readonly answer: (isItsTurn: boolean) => void
}

type Shares = Map<string, Waiter[]>

const RETRY_AFTER_SECONDS = 2

/**
 * Shares out slow work. Turns alternate between the lanes, and in a lane between the parties that
 * wait there; where a lane is full, the party that has the most waiting gives way. The turn belongs to
 * the work: a caller that leaves frees nothing early.
 */
export function createWorkLanes({ width, queue, waitMs }: WorkLaneLimits, clock: Clock) {
  const lanes: Record<Lane, Shares> = { vendors: new Map(), people: new Map() }
  let free = width
  let lastLane: Lane = 'people'

  return async function take<T>(
    asker: Pick<Asker, 'lane' | 'party'>,
    work: () => Promise<Result<T>>,
  ): Promise<Result<T>> {
    if (free > 0) {
      free--
      lastLane = asker.lane
    } else if (!(await waitForTurn(asker))) {
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

  function waitForTurn({ lane, party }: Pick<Asker, 'lane' | 'party'>): Promise<boolean> {
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

  /** Sends away the newest waiter of the party that has the most, if that has more than its share. */
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

  /** A clock that was set is no reason to wait longer: what cannot be is over. */
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
