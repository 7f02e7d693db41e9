import { setPriority } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { SecretChecks } from '../crypto/primitives.ts'
import type { SecretCheck } from '../domain/secret-forms/secret-check.ts'
import type { Log } from '../service/ports/runtime.ts'

/*
 * Threads that check imported secrets, which takes up to a second. Both sides are in this file, because a thread of
 * its own file would have another path in a bundle than in the source.
 */

/** Either the result, or the error of a check that cannot be computed. */
interface CheckAnswer {
  readonly matches?: boolean
  readonly problem?: string
}

interface CheckRequest {
  readonly secret: string
  readonly check: SecretCheck
  readonly pepper: Uint8Array | null
}

const THREAD_NAME = 'imported secrets'
/** An import is followed by first successes for days, but not by the minute. */
const IDLE_MS = 60_000
/** Small, because the hash functions create few objects. */
const MAX_YOUNG_GENERATION_MB = 4
/** A third of the weight of other threads on Linux, so that other programs cannot starve a check. */
const CHECK_PRIORITY = 5

/**
 * Starts a thread when no other is idle: the caller bounds the checks at once. A thread that was idle for a minute
 * ends.
 */
export class SecretCheckThreads {
  readonly #log: Log
  readonly #idle: IdleThread[] = []
  readonly #threads = new Set<Worker>()
  #isClosing = false

  constructor(log: Log) {
    this.#log = log
  }

  /** Returns null if the thread cannot start, or ends before it answers. Rejects if the check cannot be computed. */
  check: SecretChecks['check'] = (secret, check, pepper) => {
    const thread = this.#takeIdleThread() ?? this.#startThread()
    if (thread === null) return Promise.resolve(null)
    // Keeps the process alive until the answer arrives.
    thread.ref()
    return new Promise((resolve, reject) => {
      const onExit = () => resolve(null)
      thread.once('exit', onExit)
      thread.once('message', ({ matches = false, problem }: CheckAnswer) => {
        thread.off('exit', onExit)
        this.#keepIdle(thread)
        if (problem === undefined) resolve(matches)
        else reject(new Error(problem))
      })
      thread.postMessage({ secret, check, pepper } satisfies CheckRequest)
    })
  }

  /** Ends all threads. Checks that run return null. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer)
    await Promise.all([...this.#threads].map((thread) => thread.terminate()))
  }

  /** Returns null if the system allows no more threads. */
  #startThread(): Worker | null {
    let thread: Worker
    try {
      thread = new Worker(new URL(import.meta.url), {
        name: THREAD_NAME,
        workerData: THREAD_NAME,
        resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
      })
    } catch (error) {
      this.#log.error({ error }, 'a thread that checks imported secrets cannot start')
      return null
    }
    this.#threads.add(thread)
    thread.on('error', (error) =>
      this.#log.error({ error }, 'a thread that checks imported secrets has ended'),
    )
    thread.on('exit', () => {
      this.#threads.delete(thread)
      this.#removeIdle(thread)
    })
    return thread
  }

  #keepIdle(thread: Worker): void {
    // A thread that is being ended keeps the process alive until it has.
    if (this.#isClosing) return
    thread.unref()
    const timer = setTimeout(() => {
      // At once, so that no check gets a thread that is ending.
      this.#removeIdle(thread)
      void thread.terminate()
    }, IDLE_MS).unref()
    this.#idle.push({ thread, timer })
  }

  /** Takes the thread that was used last, so that the others end. */
  #takeIdleThread(): Worker | undefined {
    const last = this.#idle.pop()
    clearTimeout(last?.timer)
    return last?.thread
  }

  #removeIdle(thread: Worker): void {
    const index = this.#idle.findIndex((idle) => idle.thread === thread)
    if (index >= 0) clearTimeout(this.#idle.splice(index, 1)[0]?.timer)
  }
}

interface IdleThread {
  readonly thread: Worker
  readonly timer: NodeJS.Timeout
}

if (!isMainThread && workerData === THREAD_NAME) void serveChecks()

/** Lets requests go first when all cores are busy. Only Linux has priorities of threads. */
function lowerPriority(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(CHECK_PRIORITY)
  } catch {
    // A sandbox may forbid it. Checks then compete with requests.
  }
}

async function serveChecks(): Promise<void> {
  lowerPriority()
  const [{ checkSecret }, { nodeHashFunctions }] = await Promise.all([
    import('../crypto/check-secret.ts'),
    import('./primitives.ts'),
  ])
  parentPort?.on('message', async ({ secret, check, pepper }: CheckRequest) => {
    let answer: CheckAnswer
    try {
      answer = { matches: await checkSecret(nodeHashFunctions, secret, check, pepper) }
    } catch (error) {
      answer = { problem: String(error) }
    }
    parentPort?.postMessage(answer)
  })
}
