import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import type { ConnectionPool } from './connections.ts'
import { canSucceedAgain, isQueryTimeout, isStatementError } from './errors.ts'

export interface WorkQueueOptions<Work, Answer> {
  /** The number of groups that may be on their way at once, each on its own connection. */
  readonly width: number
  /** Runs a group as one transaction. Returns an answer for each of its members. */
  run(client: ClientBase, group: readonly Work[]): Promise<Answer[]>
  /** True if the work changes nothing, and can be repeated whatever became of it. */
  readonly isReadOnly?: true
  /** True if each work is a group of its own, because it would keep others waiting. */
  readonly isAlone?: true
}

interface PendingWork<Work, Answer> {
  readonly work: Work
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
  /** True if it is tried without others. */
  isAlone: boolean
  /** Attempts that met a conflict. */
  attempts: number
}

/** Bounds the time that one group takes. */
const MAX_GROUP_SIZE = 100

/** Attempts of work that conflicts with other work. */
const MAX_ATTEMPTS = 5

/**
 * Groups the work that is added in one turn of the event loop, or while no connection is free. A
 * group is one round trip and one transaction. If it fails, each of its members is tried alone, so that
 * one caller's failure does not fail the others.
 */
export class WorkQueue<Work, Answer> {
  readonly #connections: ConnectionPool
  readonly #options: WorkQueueOptions<Work, Answer>
  readonly #waiting: PendingWork<Work, Answer>[] = []
  readonly #trips = new Set<Promise<void>>()
  #isScheduled = false

  constructor(connections: ConnectionPool, options: WorkQueueOptions<Work, Answer>) {
    this.#connections = connections
    this.#options = options
  }

  add(work: Work): Promise<Answer> {
    const { isAlone = false } = this.#options
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject, isAlone, attempts: 0 })
      this.#scheduleTrip()
    })
  }

  /** Resolves when everything that was added is answered. */
  async finish(): Promise<void> {
    while (this.#waiting.length > 0 || this.#trips.size > 0) {
      this.#startTrip()
      await Promise.all(this.#trips)
    }
  }

  #scheduleTrip(): void {
    if (this.#isScheduled || this.#trips.size >= this.#options.width) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#startTrip()
    })
  }

  #startTrip(): void {
    if (this.#waiting.length === 0 || this.#trips.size >= this.#options.width) return
    const trip = this.#runGroup().finally(() => {
      this.#trips.delete(trip)
      if (this.#waiting.length > 0) this.#scheduleTrip()
    })
    this.#trips.add(trip)
  }

  /** Never rejects. */
  async #runGroup(): Promise<void> {
    let group: PendingWork<Work, Answer>[] | undefined
    let wasUndone = false
    let canRetry = false
    try {
      await this.#connections.withClient(async (client) => {
        group = this.#takeGroup()
        if (group.length === 0) return
        // Another connection takes the work that is not part of this group.
        if (this.#waiting.length > 0) this.#scheduleTrip()
        try {
          const answers = await this.#options.run(
            client,
            group.map(({ work }) => work),
          )
          for (const [n, { resolve }] of group.entries()) resolve(answers[n] as Answer)
        } catch (error) {
          wasUndone =
            isStatementError(error) || (this.#options.isReadOnly === true && isQueryTimeout(error))
          canRetry = canSucceedAgain(error)
          throw error
        }
      })
    } catch (error) {
      const failed = group ?? this.#waiting.splice(0)
      const [only] = failed
      if (wasUndone && failed.length > 1) {
        this.#waiting.unshift(...failed.map((pending) => ({ ...pending, isAlone: true })))
      } else if (canRetry && only !== undefined && ++only.attempts < MAX_ATTEMPTS) {
        await delay(randomInt(10 * only.attempts))
        this.#waiting.unshift({ ...only, isAlone: true })
      } else {
        for (const { reject } of failed) reject(error)
      }
    }
  }

  #takeGroup(): PendingWork<Work, Answer>[] {
    const candidates = this.#waiting.slice(0, MAX_GROUP_SIZE)
    const firstAlone = candidates.findIndex(({ isAlone }) => isAlone)
    const length = firstAlone === -1 ? candidates.length : Math.max(firstAlone, 1)
    return this.#waiting.splice(0, length)
  }
}
