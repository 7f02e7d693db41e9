import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { openPostgres } from '../../src/node/postgres.ts'
import { openSqlite } from '../../src/node/sqlite.ts'
import type { Engine } from '../../src/storage/engine.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { startPostgres } from '../../support/postgres/server.ts'
import type { Settings } from '../options.ts'
import { showProgress } from '../progress.ts'
import { seedMessages } from './messages.ts'
import { OF_KEYS, OF_MESSAGES } from './questions.ts'
import { seedKeys } from './seed.ts'

/** How long the database worked for an answer: the least of all rounds. */
export interface Listed {
  readonly engine: 'sqlite' | 'postgres'
  readonly question: string
  /** Of the process that searches; NaN where it is out of sight. */
  readonly cpuMs: number
  readonly wallMs: number
}

type Asked = Pick<Settings, 'engines' | 'rounds' | 'listed'>

/** What people ask for on a console's pages, in a database of many keys and messages. */
export async function measureLists(folder: string, settings: Asked): Promise<Listed[]> {
  const found: Listed[] = []
  if (settings.engines.includes('sqlite')) {
    const engine = openSqlite(join(mkdtempSync(join(folder, 'lists-')), 'latchkey.db'))
    found.push(...(await measure(engine, usedHere, settings)))
  }
  if (settings.engines.includes('postgres')) {
    const postgres = await startPostgres()
    const url = await postgres.createDatabase()
    // One process does all the work: what helpers of its did would be in no figure.
    const name = new URL(url).pathname.slice(1)
    await postgres.query(url, `ALTER DATABASE ${name} SET max_parallel_workers_per_gather = 0`)
    const engine = await openPostgres(url, QUIET, { connections: 1 })
    // What PostgreSQL does by itself within minutes of so many writes.
    const settle = async () => void (await postgres.query(url, 'VACUUM ANALYZE'))
    found.push(...(await measure(engine, await usedBySearch(url), settings, settle)))
    await postgres.stop()
  }
  return found
}

const QUIET = { debug() {}, info() {}, warn() {}, error() {} }

async function measure(
  engine: Engine,
  usedMs: () => number,
  { rounds, listed }: Asked,
  settle = async () => {},
): Promise<Listed[]> {
  showProgress(`${engine.sql}: ${listed.keys} keys, ${listed.messages} messages`)
  await seedKeys(engine, listed.keys)
  await seedMessages(engine, listed.messages)
  await settle()
  const storage = createStorage(engine)
  const found: Listed[] = []
  for (const { name, ask } of [...OF_KEYS, ...OF_MESSAGES]) {
    showProgress(`${engine.sql}: ${name}`)
    await ask(storage)
    let [cpuMs, wallMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let n = 0; n < rounds; n++) {
      const [began, used] = [performance.now(), usedMs()]
      await ask(storage)
      wallMs = Math.min(wallMs, performance.now() - began)
      cpuMs = Math.min(cpuMs, usedMs() - used)
    }
    found.push({ engine: engine.sql, question: name, cpuMs, wallMs })
  }
  await engine.close()
  return found
}

/** SQLite works in this process. */
function usedHere(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** What the one process of PostgreSQL has used that serves this database, as Linux counts it. */
async function usedBySearch(url: string): Promise<() => number> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database()
      AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  )
  await client.end()
  const pid = rows[0]?.pid
  return () => {
    try {
      return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
    } catch {
      return Number.NaN
    }
  }
}
