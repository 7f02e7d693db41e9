import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPostgres } from '../../src/node/postgres/engine.ts'
import type { Engine, Step } from '../../src/storage/engine.ts'
import { createStorage } from '../../src/storage/storage.ts'
import {
  POSTGRES_START_TIMEOUT_MS,
  type PostgresServer,
  startPostgres,
} from '../support/database/postgres.ts'
import { createTestLog } from '../support/server.ts'

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres()
}, POSTGRES_START_TIMEOUT_MS)
afterAll(() => postgres.stop())

/** More blocks than the indexes of one key have, and fewer than its table or the keys of one type. */
const MAX_BLOCKS = 60

const insertKeys = (from: number, to: number) => `
  INSERT INTO keys (id, account_id, owner_id, key_type, public_id, name, description, reference, status,
    access, secret_hash, previous_secret_hash, token_salt, token_epoch, created_at, event_id)
  SELECT 'key-' || n, 'account', 'user', CASE WHEN n % 2 = 0 THEN 'oauth' ELSE 'xenrad' END,
    'public-' || n, '', '', '', 'enabled', 'read', 'secret-' || n,
    CASE WHEN n % 4 = 1 THEN 'previous-' || n END, md5(n::text), 0, 0, 'event'
  FROM generate_series(${from}, ${to}) AS n`

type ExplainedPlan = Readonly<Record<'Shared Hit Blocks' | 'Shared Read Blocks', number>>

/** The statistics of PostgreSQL about a table of 20,000 keys when it plans. */
const STATISTICS: Readonly<Record<string, readonly string[]>> = {
  'never analyzed': [insertKeys(1, 20_000)],
  'analyzed when it had ten keys': [insertKeys(1, 10), 'ANALYZE', insertKeys(11, 20_000)],
  analyzed: [insertKeys(1, 20_000), 'ANALYZE'],
}

describe.each(Object.keys(STATISTICS))('a table of keys on PostgreSQL, %s', (statistics) => {
  let client: Client
  let engine: Engine
  const steps: Step[] = []
  beforeAll(async () => {
    const url = await postgres.createDatabase()
    engine = await openPostgres(url, createTestLog())
    client = new Client({ connectionString: url })
    await client.connect()
    await client.query(`
      ALTER TABLE keys SET (autovacuum_enabled = off);
      INSERT INTO accounts (id, name, region, status, created_at, event_id)
        VALUES ('account', '', 'us', 'open', 0, 'event');
      INSERT INTO users (id, account_id, email, role, created_at, event_id)
        VALUES ('user', 'account', 'user@account.example', 'engineer', 0, 'event')`)
    for (const sql of STATISTICS[statistics] ?? []) await client.query(sql)
  })
  afterAll(async () => {
    await client.end()
    await engine.close()
  })

  const storage = () =>
    createStorage({
      ...engine,
      read(step) {
        steps.push(step)
        return engine.read(step)
      },
    })

  /** Expects few blocks to be read, with one plan for all values and with one for these. */
  async function expectFewBlocks({
    sql,
    values,
    arrayTypes,
    rows = [values],
  }: Step): Promise<void> {
    await client.query(`PREPARE explained AS ${sql}`)
    const parameters =
      arrayTypes === undefined
        ? values.map(String)
        : arrayTypes.map((_, n) => `{${rows.map((row) => JSON.stringify(row[n])).join()}}`)
    const literals = parameters.map((text) => `'${text}'`).join()
    for (const mode of ['force_generic_plan', 'force_custom_plan']) {
      await client.query(`SET plan_cache_mode = ${mode}`)
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: ExplainedPlan }] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE explained(${literals})`,
      )
      const plan = rows[0]?.['QUERY PLAN'][0].Plan
      expect(
        Number(plan?.['Shared Hit Blocks']) + Number(plan?.['Shared Read Blocks']),
      ).toBeLessThan(MAX_BLOCKS)
    }
    await client.query('DEALLOCATE explained')
  }

  test.each([
    ['by its secret', ['unknown', 'secret-15001'], 'key-15001'],
    ['by its previous secret', ['unknown', 'previous-15001'], 'key-15001'],
    ['by an unknown secret', ['unknown', 'unknown too'], undefined],
  ])('finds a key %s without reading others', async (_, digests, id) => {
    steps.length = 0
    const keys = await storage().findKeysBySecret(digests)
    expect(keys.map((key) => key.id)).toEqual(id === undefined ? [] : [id])
    expect(steps).toHaveLength(1)
    for (const step of steps) await expectFewBlocks(step)
  })

  test.each(['public-15002', 'unknown'])(
    'finds the client %s, or a decoy, without reading others',
    async (publicId) => {
      steps.length = 0
      const claim = {
        keyTypes: ['oauth'],
        publicId,
        decoySalt: '8',
        network: '203.0.113.7',
      } as const
      const { key, decoy } = await storage().findClaimedKey(claim)
      expect([key?.publicId, decoy === null]).toEqual(
        publicId === 'unknown' ? [undefined, false] : [publicId, true],
      )
      expect(steps).toHaveLength(1)
      for (const step of steps) await expectFewBlocks(step)
    },
  )
})

test('a connection takes no further processes and compiles nothing, whatever the database sets', async () => {
  const url = await postgres.createDatabase()
  const name = new URL(url).pathname.slice(1)
  await postgres.query(url, `ALTER DATABASE ${name} SET jit = on`)
  await postgres.query(url, `ALTER DATABASE ${name} SET max_parallel_workers_per_gather = 8`)
  const engine = await openPostgres(url, createTestLog())
  try {
    const sql = `SELECT name, setting FROM pg_settings
      WHERE name IN ('jit', 'max_parallel_workers_per_gather') ORDER BY name`
    expect(await engine.read({ sql, values: [] })).toEqual([
      { name: 'jit', setting: 'off' },
      { name: 'max_parallel_workers_per_gather', setting: '0' },
    ])
  } finally {
    await engine.close()
  }
})
