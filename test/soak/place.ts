import { join } from 'node:path'
import Database from 'better-sqlite3'
import { startOwnPostgres } from '../../support/postgres/server.ts'

export const ENGINES = ['sqlite', 'postgres'] as const
export type EngineName = (typeof ENGINES)[number]

/** The database under the servers. */
export interface Place {
  readonly settings: Readonly<Record<string, string>>
  ask(sql: string): Promise<Record<string, unknown>[]>
  /** Kills it, and starts it again after so long. Null where it has no process of its own. */
  readonly restart: ((signal: 'SIGKILL' | 'SIGQUIT', downMs: number) => Promise<void>) | null
  close(): Promise<void>
}

export const openPlace = (engine: EngineName, dir: string): Promise<Place> | Place =>
  engine === 'sqlite' ? sqliteIn(dir) : postgres()

function sqliteIn(dir: string): Place {
  return {
    settings: {},
    async ask(sql) {
      const db = new Database(join(dir, 'latchkey.db'), { readonly: true })
      try {
        return db.prepare<[], Record<string, unknown>>(sql).all()
      } finally {
        db.close()
      }
    },
    restart: null,
    close: async () => undefined,
  }
}

async function postgres(): Promise<Place> {
  const server = await startOwnPostgres()
  const url = await server.createDatabase()
  return {
    settings: { LATCHKEY_DATABASE: url },
    ask: (sql) => server.query(url, sql),
    async restart(signal, downMs) {
      await server.kill(signal)
      await new Promise((resolve) => setTimeout(resolve, downMs))
      await server.start()
    },
    close: () => server.stop(),
  }
}
