import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { v7 } from 'uuid'
import { openPostgres } from '../src/node/postgres.ts'
import { openSqlite } from '../src/node/sqlite.ts'
import type { KeySearch } from '../src/service/ports/lists.ts'
import type { Engine } from '../src/storage/engine.ts'
import { createStorage } from '../src/storage/storage.ts'
import { startPostgres } from '../support/postgres/server.ts'

/*
 * How long the lists of the console take with 100,000 keys in one account, on SQLite (CPU time) and PostgreSQL:
 *   node bench/lists.ts [keys]
 */

const KEYS = Number(process.argv[2] ?? 100_000)
const RUNS = 5
const TOGETHER = 1000
const DAY = 24 * 60 * 60 * 1000
const NOW = 20_000 * DAY
const DIALECTS = ['xenrad', 'opendental', 'xdent', 'practice']
const ACCOUNT = v7()

async function seed(engine: Engine): Promise<void> {
  const insert = (table: string, row: Record<string, unknown>) => {
    const columns = Object.keys(row)
    const holes = columns.map((_, n) => (engine.sql === 'sqlite' ? '?' : `$${n + 1}`))
    const sql = `INSERT INTO ${table} (${columns.join()}) VALUES (${holes.join()})`
    return { sql, values: Object.values(row) }
  }
  const common = { created_at: 1, event_id: 'seed' }
  await engine.atomic([
    insert('accounts', { id: ACCOUNT, name: 'Large', region: 'us', status: 'open', ...common }),
  ])
  const users = Array.from({ length: KEYS / 10 }, (_, n) => ({ id: v7(), n }))
  for (let from = 0; from < users.length; from += TOGETHER) {
    const rows = users.slice(from, from + TOGETHER)
    await engine.atomic(
      rows.map(({ id, n }) =>
        insert('users', {
          id,
          account_id: ACCOUNT,
          email: `engineer-${n}@large.example`,
          role: 'engineer',
          left_at: n % 50 === 0 ? 5 : null,
          ...common,
        }),
      ),
    )
  }
  for (let from = 0; from < KEYS; from += TOGETHER) {
    const numbers = Array.from({ length: Math.min(TOGETHER, KEYS - from) }, (_, n) => from + n)
    await engine.atomic(
      numbers.map((n) =>
        insert('keys', {
          id: v7(),
          account_id: ACCOUNT,
          owner_id: users[n % users.length]?.id,
          dialect: DIALECTS[n % DIALECTS.length],
          public_id: crypto.randomUUID(),
          name: `Integration ${(n * 7919) % KEYS} of an office`,
          description: 'What it is for, in a sentence or two that somebody has typed.',
          reference: `PO-${n}`,
          status: n % 9 === 0 ? 'revoked' : 'enabled',
          access: 'standard',
          secret_hash: `hmac.1.${crypto.randomUUID()}${crypto.randomUUID()}`,
          token_salt: crypto.randomUUID(),
          token_epoch: 0,
          expires_at: n % 4 === 0 ? NOW + (n % 1000) * DAY : null,
          last_used_at: n % 5 === 0 ? null : NOW - ((n * 31) % 400) * DAY,
          ...common,
        }),
      ),
    )
  }
  await engine.atomic([{ sql: 'ANALYZE', values: [] }].slice(engine.sql === 'sqlite' ? 1 : 0))
}

const SEARCHES: Record<string, Partial<KeySearch>> = {
  newest: {},
  oldest: { order: 'oldest' },
  'by name': { order: 'name' },
  'last used': { order: 'lastUsed' },
  'least used': { order: 'leastUsed' },
  expiry: { order: 'expiry' },
  'text, many': { text: 'integration' },
  'text, one, by name': { text: 'PO-99999', order: 'name' },
  'text, none': { text: 'nothing at all' },
  'text of an owner': { text: 'engineer-77@' },
  'dialect and status': { dialect: 'xdent', status: 'revoked' },
  'status, by name': { status: 'revoked', order: 'name' },
  'unused for 90 days': { unusedSince: NOW - 90 * DAY },
  'unused for ever': { unusedSince: 0 },
  'expires soon': { expires: { now: NOW, before: NOW + 30 * DAY }, order: 'expiry' },
  'owner left': { ownerLeft: true },
}

async function measure(name: string, engine: Engine): Promise<void> {
  await seed(engine)
  const storage = createStorage(engine)
  const time = async (what: string, work: () => Promise<unknown>) => {
    await work()
    const times: number[] = []
    for (let n = 0; n < RUNS; n++) {
      const [began, used] = [performance.now(), process.cpuUsage()]
      await work()
      const { user, system } = process.cpuUsage(used)
      // SQLite works in this process: its CPU time is the same whatever else the machine does.
      const isHere = engine.sql === 'sqlite'
      times.push(isHere ? (user + system) / 1000 : performance.now() - began)
    }
    const median = times.sort((a, b) => a - b)[RUNS >> 1] ?? Number.NaN
    console.log(`${name.padEnd(11)} ${what.padEnd(32)} ${median.toFixed(1).padStart(8)} ms`)
  }
  for (const [what, asked] of Object.entries(SEARCHES)) {
    const search = { accountId: ACCOUNT, order: 'newest', limit: 50, ...asked } as const
    await time(what, () => storage.searchKeys(search))
    await time(`${what}: count`, () => storage.countKeys(search, 10_001))
  }
  const { keys, next } = await storage.searchKeys({ order: 'name', limit: 50 })
  const ids = keys.map(({ id }) => id)
  await time('by name, the next page', () =>
    storage.searchKeys({ accountId: ACCOUNT, order: 'name', limit: 50, after: next ?? '' }),
  )
  await time('uses of a page', () => storage.listUsesOf(ids, 0))
  await time('search a user', () =>
    storage.searchUsers({ accountId: ACCOUNT, text: 'nobody', limit: 10 }),
  )
  await engine.close()
}

const folder = mkdtempSync(join(tmpdir(), 'lists-'))
await measure('SQLite', openSqlite(join(folder, 'latchkey.db')))
rmSync(folder, { recursive: true })
if (!process.argv.includes('--sqlite')) {
  const postgres = await startPostgres()
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  await measure('PostgreSQL', await openPostgres(await postgres.createDatabase(), log))
  await postgres.stop()
}
