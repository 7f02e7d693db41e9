import module from 'node:module'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import type { Step } from '../../storage/engine.ts'

/** One read, or the steps of a write, with a number that its answer has too. */
interface Question {
  readonly id: number
  readonly kind: 'read' | 'write'
  readonly steps: readonly Pick<Step, 'sql' | 'values'>[]
}

/** The rows of a read, or the numbers of rows that the steps of a write changed. */
type Answer = { readonly id: number } & (
  | { readonly result: unknown[] }
  | { readonly code: string; readonly message: string }
)

interface PendingQuestion {
  readonly resolve: (result: unknown[]) => void
  readonly reject: (error: unknown) => void
}

/** Small, because the thread creates few objects. */
const MAX_YOUNG_GENERATION_MB = 1

/**
 * The niceness of the thread (nice(2)) beyond that of the process. A third of the requests that would wait for a slice
 * of the thread's time still do, and no fewer with more; a busy event loop leaves it a quarter of the core.
 */
const NICENESS = 5

/** A thread takes 11 MB, and 20 ms to start. */
const IDLE_MS = 10_000

/** The right to write, and the time that a statement waits for a lock (better-sqlite3). */
interface ThreadOptions extends Pick<Database.Options, 'readonly' | 'timeout'> {
  /** How long a write tries again while another process has the lock. */
  readonly lockTimeoutMs?: number
  /** The settings of the connection. */
  readonly pragmas?: readonly string[]
}

/**
 * Reads and writes in a thread with a connection of its own, so that a long statement delays no request. The
 * thread starts with the first one, and again if it died. It ends when it was idle for a while.
 */
export class DatabaseThread {
  readonly #path: string
  readonly #checkFiles: () => void
  readonly #options: ThreadOptions
  #worker: Worker | null = null
  #idleTimer: NodeJS.Timeout | undefined
  #lastId = 0
  readonly #pending = new Map<number, PendingQuestion>()

  /** `checkFiles` throws if the file is no longer the one that was opened. */
  constructor(path: string, checkFiles: () => void, options: ThreadOptions) {
    this.#path = path
    this.#checkFiles = checkFiles
    this.#options = options
  }

  read(step: Step): Promise<unknown[]> {
    return this.#ask('read', [step])
  }

  /** Applies all steps or none. Resolves when they are on disk, to the number of rows that each one changed. */
  write(steps: readonly Step[]): Promise<number[]> {
    return this.#ask('write', steps) as Promise<number[]>
  }

  #ask(kind: Question['kind'], steps: readonly Step[]): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      clearTimeout(this.#idleTimer)
      const worker = this.#start()
      const id = ++this.#lastId
      const texts = steps.map(({ sql, values }) => ({ sql, values }))
      worker.postMessage({ id, kind, steps: texts } satisfies Question)
      this.#pending.set(id, { resolve, reject })
      // Keeps the process alive until the answer arrives.
      worker.ref()
    })
  }

  /** Refuses what waits. Resolves when the thread has ended the statement that it runs. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer)
    const ended = this.#worker?.terminate()
    this.#end(new StorageUnavailableError('the database is being closed'))
    await ended
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker
    // The thread opens the file that is there now. Another one would get the pages of this one's log.
    this.#checkFiles()
    const worker = this.#createWorker()
    worker.on('message', (answer: Answer) => {
      const question = this.#pending.get(answer.id)
      this.#pending.delete(answer.id)
      // A thread that is being ended keeps the process alive until it has.
      if (this.#pending.size === 0 && this.#worker === worker) {
        worker.unref()
        clearTimeout(this.#idleTimer)
        this.#idleTimer = setTimeout(() => this.close(), IDLE_MS).unref()
      }
      if ('result' in answer) question?.resolve(answer.result)
      else question?.reject(new Database.SqliteError(answer.message, answer.code))
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

  #createWorker(): Worker {
    try {
      return new Worker(`(${answerQuestions})()`, {
        eval: true,
        workerData: {
          path: this.#path,
          options: this.#options,
          driver: module.createRequire(import.meta.url).resolve('better-sqlite3'),
          niceness: NICENESS,
        },
        resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
      })
    } catch (error) {
      // The system allows no more threads.
      throw new StorageUnavailableError('a thread of the database cannot start', { cause: error })
    }
  }

  #end(cause: unknown): void {
    this.#worker = null
    for (const { reject } of this.#pending.values()) reject(cause)
    this.#pending.clear()
  }
}

/** Converts the error that ended a thread: one that could not open the database has lost its class on the way. */
const toStorageError = (error: unknown): unknown => {
  const { code, message } = error as { code?: unknown; message: string }
  return typeof code === 'string' && code.startsWith('SQLITE_')
    ? new Database.SqliteError(message, code)
    : new StorageUnavailableError('a thread of the database has ended', { cause: error })
}

/**
 * Runs in the thread, which gets only the text of this function, because a separate file would have another
 * path in a bundle than in the source. Must not use anything of this module.
 */
function answerQuestions(): void {
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
  const { pragmas = [], lockTimeoutMs = 0, ...options } = workerData.options as ThreadOptions
  const db = new Driver(workerData.path, { ...options, fileMustExist: true })
  for (const pragma of pragmas) db.pragma(pragma)
  const statements = new Map<string, Database.Statement>()
  const prepare = (sql: string) => {
    const statement = statements.get(sql) ?? db.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  const { immediate: writeAll } = db.transaction((steps: Question['steps']) =>
    steps.map(({ sql, values }) => prepare(sql).run(...values).changes),
  )
  // As often as other processes try: SQLite's own waits grow to 100 ms.
  const writeWhenUnlocked = (steps: Question['steps']) => {
    for (const until = performance.now() + lockTimeoutMs; ; ) {
      try {
        return writeAll(steps)
      } catch (error) {
        const isBusy = (error as { code?: string }).code?.startsWith('SQLITE_BUSY')
        if (!isBusy || performance.now() >= until) throw error
      }
    }
  }
  const readRows = ([step]: Question['steps']) =>
    prepare(step?.sql ?? '').all(...(step?.values ?? []))
  // A question that cannot be read has no number to answer.
  parentPort?.on('messageerror', () => process.exit(1))
  parentPort?.on('message', ({ id, kind, steps }: Question) => {
    try {
      const result = kind === 'write' ? writeWhenUnlocked(steps) : readRows(steps)
      parentPort.postMessage({ id, result })
    } catch (error) {
      const { code = 'SQLITE_ERROR', message } = error as { code?: string; message: string }
      parentPort.postMessage({ id, code, message })
    }
  })
}
