import { ok } from '../domain/failure.ts'
import { isWithinLast } from '../domain/instant.ts'
import type { Clock } from './ports/runtime.ts'
import { failConflict, type ServiceResult } from './service-result.ts'

/* Work that takes longer than a request should wait: imports, exports, long messages, background writes. */

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Longer input is worked on in slices of this length, which take a millisecond or two. */
export const SLICE_BYTES = 1024 * 1024

/** Resolves when the work that waits was done. */
export const yieldToOtherWork = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

/** Decodes UTF-8 of any length. */
export async function decodeLongText(bytes: Uint8Array): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (at > 0) await yieldToOtherWork()
    const isLast = at + SLICE_BYTES >= bytes.length
    text += decoder.decode(bytes.subarray(at, at + SLICE_BYTES), { stream: !isLast })
  }
  return text
}

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
