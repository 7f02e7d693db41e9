import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { openPostgres } from '../../src/node/postgres/engine.ts'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import type { Engine } from '../../src/storage/engine.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { startPostgres } from '../../test/support/database/postgres.ts'
import type { BenchSettings } from '../options.ts'
import { drawShortBar, formatAimMark, formatTextTable, showProgress } from '../text.ts'
import { KEY_QUERIES, MESSAGE_QUERIES } from './queries.ts'
import { seedListKeys, seedListMessages } from './seed.ts'

/** How long the database worked for an answer: the least of all rounds. */
export interface ListResult {
  readonly engine: 'sqlite' | 'postgres'
  readonly question: string
  /** Of the process that searches; NaN where it is out of sight. */
  readonly cpuMs: number
  readonly wallMs: number
}

type ListBenchSettings = Pick<BenchSettings, 'engines' | 'rounds' | 'listed'>

/** What people ask for on a console's pages, in a database of many keys and messages. */
export async function measureLists(
  folder: string,
  settings: ListBenchSettings,
): Promise<ListResult[]> {
  const found: ListResult[] = []
  if (settings.engines.includes('sqlite')) {
    const engine = openSqlite(join(mkdtempSync(join(folder, 'lists-')), 'latchkey.db'))
    found.push(...(await measureQueries(engine, readOwnCpuMs, settings)))
  }
  if (settings.engines.includes('postgres')) {
    const postgres = await startPostgres()
    const url = await postgres.createDatabase()
    // One process does all the work: what helpers of its did would be in no figure.
    const name = new URL(url).pathname.slice(1)
    await postgres.query(url, `ALTER DATABASE ${name} SET max_parallel_workers_per_gather = 0`)
    const engine = await openPostgres(url, SILENT_LOG, { connections: 1 })
    // What PostgreSQL does by itself within minutes of so many writes.
    const vacuum = async () => void (await postgres.query(url, 'VACUUM ANALYZE'))
    found.push(
      ...(await measureQueries(engine, await createBackendCpuReader(url), settings, vacuum)),
    )
    await postgres.stop()
  }
  return found
}

const SILENT_LOG = { debug() {}, info() {}, warn() {}, error() {} }

async function measureQueries(
  engine: Engine,
  usedMs: () => number,
  { rounds, listed }: ListBenchSettings,
  settle = async () => {},
): Promise<ListResult[]> {
  showProgress(`${engine.sql}: ${listed.keys} keys, ${listed.messages} messages`)
  await seedListKeys(engine, listed.keys)
  await seedListMessages(engine, listed.messages)
  await settle()
  const storage = createStorage(engine)
  const found: ListResult[] = []
  for (const { name, run } of [...KEY_QUERIES, ...MESSAGE_QUERIES]) {
    showProgress(`${engine.sql}: ${name}`)
    await run(storage)
    let [cpuMs, wallMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let n = 0; n < rounds; n++) {
      const [began, used] = [performance.now(), usedMs()]
      await run(storage)
      wallMs = Math.min(wallMs, performance.now() - began)
      cpuMs = Math.min(cpuMs, usedMs() - used)
    }
    found.push({ engine: engine.sql, question: name, cpuMs, wallMs })
  }
  await engine.close()
  return found
}

/** SQLite works in this process. */
function readOwnCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** What the one process of PostgreSQL has used that serves this database, as Linux counts it. */
async function createBackendCpuReader(url: string): Promise<() => number> {
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

/** Nobody notices that he has waited so long. */
export const LIST_AIM_MS = 100

/** The whole bar is the aim. */
export function formatLists(lists: readonly ListResult[], markdown = false): string {
  const rows = lists.map((one) => [
    one.question,
    one.engine === 'sqlite' ? 'SQLite' : 'PostgreSQL',
    formatWholeMs(one.cpuMs),
    formatWholeMs(one.wallMs),
    markdown
      ? `\`${drawShare(one)}\``
      : `${drawShare(one)} ${formatAimMark(getWorkMs(one) < LIST_AIM_MS)}`,
  ])
  const head = ['question', 'engine', 'CPU', 'until the answer', `of ${LIST_AIM_MS} ms`]
  if (!markdown) return formatTextTable([head, ...rows], 2)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

/** CPU says more where the machine has other work. */
const getWorkMs = ({ cpuMs, wallMs }: ListResult) => (Number.isNaN(cpuMs) ? wallMs : cpuMs)
const drawShare = (one: ListResult) => drawShortBar(getWorkMs(one), LIST_AIM_MS)
const formatWholeMs = (ms: number) =>
  Number.isNaN(ms) ? '–' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
