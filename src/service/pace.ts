import { fail, type NotNow, ok, type Result } from '../domain/failure.ts'
import type { Key } from '../domain/key.ts'
import { type Pace as Limit, paceOf } from '../domain/pace.ts'
import type { Clock, Share } from './ports.ts'
import { Windows } from './windows.ts'

/** Holds each key to its pace. */
export function createPace(usual: Limit, clock: Clock, share?: Share) {
  // A window has one length for all that it counts.
  const ofLength = new Map<number, Windows>()
  function windowsOf(ms: number): Windows {
    const known = ofLength.get(ms)
    if (known !== undefined) return known
    const windows = new Windows(ms, clock, share?.(`pace ${ms}`))
    ofLength.set(ms, windows)
    return windows
  }

  return function pace(key: Key): Result<void, NotNow> {
    const { limit, windowMs } = paceOf(key, usual)
    const windows = windowsOf(windowMs)
    if (windows.count(key.id) <= limit) return ok(undefined)
    const retryAfterSeconds = Math.max(1, Math.ceil(windows.endsIn(key.id) / 1000))
    return fail({ reason: 'quota_exceeded', limit, retryAfterSeconds })
  }
}

export type Pace = ReturnType<typeof createPace>
