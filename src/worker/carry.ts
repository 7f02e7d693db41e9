import { fail, ok } from '../domain/failure.ts'
import type { Carry } from '../service/ports.ts'

/**
 * Carries by fetch. A body that no script of ours touches goes through as it stands on the wire,
 * whatever its content coding: so nobody here can tell how long it is silent, and an upstream's time
 * is measured until its answer begins.
 */
export function createCarry({ timeoutMs }: { timeoutMs: number }): Carry {
  return async ({ method, url, headers, body, signal }) => {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), timeoutMs)
    try {
      const answer = await fetch(url, {
        method,
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, late.signal]),
      })
      const { status, statusText } = answer
      return ok({ status, statusText, headers: [...answer.headers], body: answer.body })
    } catch (error) {
      if (late.signal.aborted) return fail({ reason: 'upstream_timed_out' })
      const detail = error instanceof Error ? error.message : 'it cannot be reached'
      return fail({ reason: 'upstream_unreachable', detail })
    } finally {
      clearTimeout(timer)
    }
  }
}
