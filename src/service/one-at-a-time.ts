import { ok } from '../domain/failure.ts'
import { conflict, type Done } from './operator.ts'

export type OneAtATime = <T>(work: () => Promise<T>) => Promise<Done<T>>

/** Long work that a process does once at a time; who asks for it meanwhile is told so at once. */
export function createOneAtATime(message: string): OneAtATime {
  let isAtWork = false
  return async (work) => {
    if (isAtWork) return conflict(message)
    isAtWork = true
    try {
      return ok(await work())
    } finally {
      isAtWork = false
    }
  }
}
