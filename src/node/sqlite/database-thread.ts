import module from 'node:module'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import type { Step } from '../../storage/engine.ts'

/** A step, with a number that its answer has too. */
interface Question extends Pick<Step, 'sql' | 'values'> {
  readonly id: number
}

type Answer = { readonly id: number } & (
  | { readonly rows: unknown[] }
  | { readonly code: string; readonly message: string }
)

interface PendingStep {
  readonly resolve: (rows: unknown[]) => void
  readonly reject: (error: unknown) => void
}

/** Small, because the thread creates few objects. */
const MAX_YOUNG_GENERATION_MB = 4

/**
 * The niceness of the thread (nice(2)) beyond that of the process. A third of the requests that would wait for a slice
 * of the thread's time still do, and no fewer with more; a busy event loop leaves it a quarter of the core.
 */
const NICENESS = 5

/** The right to write, and the time that a statement waits for a lock (better-sqlite3). */
type ThreadOptions = Pick<Database.Options, 'readonly' | 'timeout'>

/**
 * Runs statements in a thread with a connection of its own, so that a long one delays no request. The
 * thread starts with the first statement, and again if it died.
 */
export class DatabaseThread {
  readonly #path: string
  readonly #options: ThreadOptions
  #worker: Worker | null = null
  #lastId = 0
  readonly #pending = new Map<number, PendingStep>()

  constructor(path: string, options: ThreadOptions) {
    this.#path = path
    this.#options = options
  }

  read(step: Step): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const worker = this.#start()
      const id = ++this.#lastId
      worker.postMessage({ id, sql: step.sql, values: step.values } satisfies Question)
      this.#pending.set(id, { resolve, reject })
      // Keeps the process alive until the rows arrive.
      worker.ref()
    })
  }

  /** Refuses what waits. Resolves when the thread has ended the statement that it runs. */
  async close(): Promise<void> {
    const ended = this.#worker?.terminate()
    this.#end(new StorageUnavailableError('the database is being closed'))
    await ended
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker
    const worker = new Worker(`(${serveSteps})()`, {
      eval: true,
      workerData: {
        path: this.#path,
        options: this.#options,
        driver: module.createRequire(import.meta.url).resolve('better-sqlite3'),
        niceness: NICENESS,
      },
      resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
    })
    worker.on('message', (answer: Answer) => {
      const step = this.#pending.get(answer.id)
      this.#pending.delete(answer.id)
      if (this.#pending.size === 0) worker.unref()
      if ('rows' in answer) step?.resolve(answer.rows)
      else step?.reject(new Database.SqliteError(answer.message, answer.code))
    })
    worker.on('messageerror', () => worker.terminate())
    const onEnd = (cause: unknown) => {
      // After an error, another thread may have started already.
      if (this.#worker === worker) this.#end(cause)
    }
    worker.on('error', (error) => onEnd(toStorageError(error)))
    worker.on('exit', () =>
      onEnd(new StorageUnavailableError('a thread of the database has ended')),
    )
    this.#worker = worker
    return worker
  }

  #end(cause: unknown): void {
    this.#worker = null
    for (const { reject } of this.#pending.values()) reject(cause)
    this.#pending.clear()
  }
}

/** Converts the error of a thread that could not open the database: it has lost its class on the way. */
const toStorageError = (error: unknown): unknown => {
  const { code, message } = error as { code?: unknown; message: string }
  return typeof code === 'string' && code.startsWith('SQLITE_')
    ? new Database.SqliteError(message, code)
    : error
}

/**
 * Runs in the thread, which gets only the text of this function, because a separate file would have another
 * path in a bundle than in the source. Must not use anything of this module.
 */
function serveSteps(): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const { createRequire } = process.getBuiltinModule('node:module')
  const { getPriority, setPriority } = process.getBuiltinModule('node:os')
  // Only Linux has priorities of threads: elsewhere, this would be that of the whole process.
  if (process.platform === 'linux') {
    try {
      setPriority(Math.min(getPriority() + workerData.niceness, 19))
    } catch {
      // A sandbox may forbid it. The thread then competes with requests.
    }
  }
  const Driver = createRequire(workerData.driver)(workerData.driver) as typeof Database
  const db = new Driver(workerData.path, workerData.options)
  const statements = new Map<string, Database.Statement>()
  parentPort?.on('message', ({ id, sql, values }: Question) => {
    try {
      const statement = statements.get(sql) ?? db.prepare(sql)
      statements.set(sql, statement)
      parentPort.postMessage({ id, rows: statement.all(...values) })
    } catch (error) {
      const { code = 'SQLITE_ERROR', message } = error as { code?: string; message: string }
      parentPort.postMessage({ id, code, message })
    }
  })
}
