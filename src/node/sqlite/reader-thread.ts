import module from 'node:module'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import type { Step } from '../../storage/engine.ts'

/** The thread's answer to the oldest step that waits. */
type Answer = { readonly rows: unknown[] } | { readonly code: string; readonly message: string }

interface PendingScan {
  readonly resolve: (rows: unknown[]) => void
  readonly reject: (error: unknown) => void
}

/** Small, because the thread creates few objects. */
const MAX_YOUNG_GENERATION_MB = 4

/**
 * Reads in a thread with a read-only connection of its own, so that a list that scans a large table delays
 * no other request. The thread starts with the first step, and again if it died.
 */
export class ReaderThread {
  readonly #path: string
  #worker: Worker | null = null
  #pending: PendingScan[] = []

  constructor(path: string) {
    this.#path = path
  }

  read(step: Step): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const worker = this.#start()
      this.#pending.push({ resolve, reject })
      // Keeps the process alive until the rows arrive.
      worker.ref()
      worker.postMessage({ sql: step.sql, values: step.values })
    })
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker
    const worker = new Worker(`(${serveSteps})()`, {
      eval: true,
      workerData: {
        path: this.#path,
        driver: module.createRequire(import.meta.url).resolve('better-sqlite3'),
      },
      resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
    })
    worker.on('message', (answer: Answer) => {
      const scan = this.#pending.shift()
      if (this.#pending.length === 0) worker.unref()
      if ('rows' in answer) scan?.resolve(answer.rows)
      else scan?.reject(new Database.SqliteError(answer.message, answer.code))
    })
    let cause: unknown = new Error('the thread that reads lists has ended')
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('exit', () => {
      this.#worker = null
      for (const { reject } of this.#pending.splice(0)) reject(cause)
    })
    this.#worker = worker
    return worker
  }
}

/**
 * Runs in the thread, which gets only the text of this function, because a separate file would have another
 * path in a bundle than in the source. Must not use anything of this module.
 */
function serveSteps(): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const { createRequire } = process.getBuiltinModule('node:module')
  const Driver = createRequire(workerData.driver)(workerData.driver) as typeof Database
  const db = new Driver(workerData.path, { readonly: true, timeout: 10_000 })
  const statements = new Map<string, Database.Statement>()
  parentPort?.on('message', ({ sql, values }: Step) => {
    try {
      const statement = statements.get(sql) ?? db.prepare(sql)
      statements.set(sql, statement)
      parentPort.postMessage({ rows: statement.all(...values) })
    } catch (error) {
      const { code = 'SQLITE_ERROR', message } = error as { code?: string; message: string }
      parentPort.postMessage({ code, message })
    }
  })
}
