import { ok } from '../domain/failure.ts'
import { isWithinLast } from '../domain/instant.ts'
import type { Clock } from './ports/runtime.ts'
import { failConflict, type ServiceResult } from './service-result.ts'

/* Work that takes longer than a request should wait: imports, exports, background writes. */

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs work unless such work is already running. The work must call `reportProgress` as it proceeds. */
export type RunExclusively = <T>(
  work: (reportProgress: () => void) => Promise<T>,
) => Promise<ServiceResult<T>>

/**
 * A runtime may end work silently when its caller is gone, so work without progress for this long
 * counts as ended.
 */
export const EXCLUSIVE_WORK_TIMEOUT_MS = 60_000

/** Limits a process to one long task at a time. A concurrent call fails at once with this message. */
export function createRunExclusively(message: string, clock: Clock): RunExclusively {
  let current: { progressAt: number } | null = null
  return async (work) => {
    if (current !== null && isWithinLast(EXCLUSIVE_WORK_TIMEOUT_MS, current.progressAt, clock()))
      return failConflict(message)
    const own = { progressAt: clock() }
    current = own
    try {
      return ok(
        await work(() => {
          own.progressAt = clock()
        }),
      )
    } finally {
      if (current === own) current = null
    }
  }
}
