import { join } from 'node:path'
import Database from 'better-sqlite3'
import { startLocalPostgres } from '../support/database/postgres.ts'

export const SOAK_ENGINES = ['sqlite', 'postgres'] as const
export type SoakEngineName = (typeof SOAK_ENGINES)[number]

/** The database under the servers. */
export interface SoakDatabase {
  readonly settings: Readonly<Record<string, string>>
  query(sql: string): Promise<Record<string, unknown>[]>
  /** Kills it, and starts it again after so long. Null where it has no process of its own. */
  readonly restart: ((signal: 'SIGKILL' | 'SIGQUIT', downMs: number) => Promise<void>) | null
  close(): Promise<void>
}

export const openSoakDatabase = (
  engine: SoakEngineName,
  dir: string,
): Promise<SoakDatabase> | SoakDatabase =>
  engine === 'sqlite' ? openSqliteDatabase(dir) : startPostgresDatabase()

function openSqliteDatabase(dir: string): SoakDatabase {
  return {
    settings: {},
    async query(sql) {
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

async function startPostgresDatabase(): Promise<SoakDatabase> {
  const server = await startLocalPostgres()
  const url = await server.createDatabase()
  return {
    settings: { LATCHKEY_DATABASE: url },
    query: (sql) => server.query(url, sql),
    async restart(signal, downMs) {
      await server.kill(signal)
      await new Promise((resolve) => setTimeout(resolve, downMs))
      await server.start()
    },
    close: () => server.stop(),
  }
}
