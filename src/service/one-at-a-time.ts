import { ok } from '../domain/failure.ts'
import { isWithin } from '../domain/instant.ts'
import { conflict, type Done } from './operator.ts'
import type { Clock } from './ports.ts'

/** `moves` is to be called as the work goes on. */
export type OneAtATime = <T>(work: (moves: () => void) => Promise<T>) => Promise<Done<T>>

/** A runtime may end work whose caller has gone, without a word: what has not moved for so long is no more. */
export const FORGOTTEN_MS = 60_000

/** Long work that a process does once at a time; who asks for it meanwhile is told so at once. */
export function createOneAtATime(message: string, clock: Clock): OneAtATime {
  let current: { movedAt: number } | null = null
  return async (work) => {
    if (current !== null && isWithin(FORGOTTEN_MS, current.movedAt, clock()))
      return conflict(message)
    const own = { movedAt: clock() }
    current = own
    try {
      return ok(
        await work(() => {
          own.movedAt = clock()
        }),
      )
    } finally {
      if (current === own) current = null
    }
  }
}
