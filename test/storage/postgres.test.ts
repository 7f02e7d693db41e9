import { types } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPostgres } from '../../src/node/postgres/engine.ts'
import { type Storage, StorageUnavailableError } from '../../src/service/ports/storage.ts'
import type { Engine } from '../../src/storage/engine.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { SCHEMA_VERSION } from '../../src/storage/tables.ts'
import {
  POSTGRES_START_TIMEOUT_MS,
  type PostgresServer,
  startPostgres,
} from '../support/database/postgres.ts'
import { createTestLog } from '../support/server.ts'
import { createTestEvent } from './conformance/fixtures.ts'
import { testStorageConformance } from './conformance/suite.ts'

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres()
}, POSTGRES_START_TIMEOUT_MS)
afterAll(() => postgres.stop())

/** Timeouts long enough for 20 concurrent clients on a busy machine. */
const PATIENT = {
  connectionTimeoutMillis: 600_000,
  lock_timeout: 600_000,
  statement_timeout: 600_000,
  idle_in_transaction_session_timeout: 600_000,
  query_timeout: 600_000,
}

testStorageConformance('PostgreSQL', async () => {
  const url = await postgres.createDatabase()
  const engine = await openPostgres(url, createTestLog(), { limits: PATIENT })
  return { engine, dispose: () => engine.close() }
})

describe('PostgreSQL', () => {
  let url: string
  const openedEngines: Engine[] = []
  beforeEach(async () => {
    url = await postgres.createDatabase()
  })
  afterEach(async () => {
    await Promise.all(openedEngines.splice(0).map((engine) => engine.close()))
  })

  /** As one server process has it. */
  async function openEngine(log = createTestLog(), connections = 10, limits = {}): Promise<Engine> {
    const engine = await openPostgres(url, log, { connections, limits })
    openedEngines.push(engine)
    return engine
  }
  const openStorage = async (): Promise<Storage> => createStorage(await openEngine())

  const event = (id: string, subject = 'subject') => createTestEvent(subject, { id })
  const createAccountRow = (id: string) =>
    ({
      id,
      name: 'n',
      region: 'us',
      status: 'open',
      createdAt: 1,
      offboardingPolicy: 'keep',
      ipAllowlistEnforced: false,
    }) as const
  const createStatement = (sql: string, values: unknown[] = []) => ({ sql, values })
  /** Ends every connection to the database but the one that says so. */
  const closeConnections = () =>
    postgres.query(
      url,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )

  test.each(['read committed', 'serializable'])(
    'servers that open an empty database at once make one schema, and change it at once: %s',
    async (isolation) => {
      const name = new URL(url).pathname.slice(1)
      await postgres.query(
        url,
        `ALTER DATABASE ${name} SET default_transaction_isolation = '${isolation}'`,
      )
      const engines = await Promise.all(Array.from({ length: 8 }, () => openEngine()))
      const storages = engines.map((engine) => createStorage(engine))
      const changing = storages.slice(0, 3)
      await Promise.all(
        changing.map((storage, n) =>
          storage.addAccount(createAccountRow(`a${n}`), event(`e${n}`, `a${n}`)),
        ),
      )
      for (const [n, engine] of engines.entries()) {
        expect(await engine.read(createStatement('SELECT version FROM schema_version'))).toEqual([
          { version: SCHEMA_VERSION },
        ])
        expect(await storages[n]?.readAuthorityVersion()).toBe(1 + changing.length)
      }
    },
  )

  test.each([0, SCHEMA_VERSION + 1, 999])(
    'a database of schema version %d is refused with a sentence',
    async (version) => {
      await openEngine()
      await postgres.query(url, `UPDATE schema_version SET version = ${version}`)
      await expect(openPostgres(url, createTestLog())).rejects.toThrow(
        `the database has schema version ${version}, this Latchkey reads version ${SCHEMA_VERSION}: ` +
          'use the version of Latchkey that wrote it, or a newer one',
      )
    },
  )

  test('a schema that fails half-way leaves nothing behind', async () => {
    await postgres.query(url, 'CREATE TABLE messages (other text)')
    await expect(openPostgres(url, createTestLog())).rejects.toThrow(/"messages" already exists/)
    const found = await postgres.query(url, `SELECT to_regclass('accounts') AS accounts`)
    expect(found).toEqual([{ accounts: null }])
  })

  test('foreign keys are enforced', async () => {
    const storage = await openStorage()
    const row = { id: 's', accountId: 'nobody', name: 'n', createdAt: 1 }
    await expect(storage.addSource(row, event('e', 's'))).rejects.toThrow(/foreign key/)
  })

  test('an error contains nothing of the rows or the connection', async () => {
    const storage = await openStorage()
    await storage.addEvent(event('very-secret'))
    const error = await storage.addEvent(event('very-secret')).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toBeInstanceOf(StorageUnavailableError)
    expect({ ...(error as object) }).toEqual({
      code: '23505',
      table: 'audit_events',
      constraint: 'audit_events_pkey',
    })
    expect(String(error)).not.toContain('very-secret')
  })

  test('BIGINT is a number in this pool, and nowhere else', async () => {
    const engine = await openEngine()
    expect(await engine.read(createStatement('SELECT 9007199254740991::int8 AS most'))).toEqual([
      { most: Number.MAX_SAFE_INTEGER },
    ])
    expect(types.getTypeParser(20)('1')).toBe('1')
  })

  test('text with U+0000, which PostgreSQL cannot store, is no id', async () => {
    const storage = await openStorage()
    expect(await storage.findKey('a\0')).toBeNull()
    expect(await storage.findGrant('\0')).toBeNull()
  })

  test('two servers see each other’s writes at once', async () => {
    const [one, two] = [await openStorage(), await openStorage()]
    for (let n = 1; n <= 20; n++) {
      const [writer, reader] = n % 2 === 0 ? [one, two] : [two, one]
      const grant = { grantId: 'g', keyId: 'k', to: n, rotatedAt: n, expiresAt: 99 }
      expect(await writer.rotateGrant(grant)).toBe(true)
      expect((await reader.findGrant('g'))?.generation).toBe(n)
      const version = await reader.readAuthorityVersion()
      await writer.addAccount(createAccountRow(`account-${n}`), event(`event-${n}`, `account-${n}`))
      expect(await reader.readAuthorityVersion()).toBe(version + 1)
      expect(await reader.findAccount(`account-${n}`)).toEqual(createAccountRow(`account-${n}`))
    }
  })

  test('two servers that rotate one grant at once have one winner', async () => {
    const [one, two] = [await openStorage(), await openStorage()]
    for (let to = 1; to <= 20; to++) {
      const grant = { grantId: 'g', keyId: 'k', to, rotatedAt: to, expiresAt: 99 }
      const won = await Promise.all(
        [one, two, one, two].map((storage) => storage.rotateGrant(grant)),
      )
      expect(won.filter(Boolean)).toHaveLength(1)
    }
  })

  test('one read serves all requests before it was sent, and no later one', async () => {
    const [engine, other] = [await openEngine(createTestLog(), 1, PATIENT), await openStorage()]
    const slow = createStatement('SELECT version, pg_advisory_xact_lock_shared(1) FROM authority')
    const readVersions = async (rows: unknown) => (await rows) as { version: number }[]
    const holder = await openEngine(createTestLog(), 1, PATIENT)
    const lock = createStatement('SELECT pg_advisory_xact_lock(1)')
    const held = holder.atomic([lock, createStatement('SELECT pg_sleep(600)')])
    const released = held.catch((error: unknown) => error)
    while ((await countSleepers()) === 0);

    const sent = readVersions(engine.read(slow))
    while ((await countWaiting('advisory')) === 0);
    // The one connection is in use: these wait for it together, and are read after this write.
    await other.addAccount(createAccountRow('a'), event('e', 'a'))
    const later = [readVersions(engine.read(slow)), readVersions(engine.read(slow))]
    await cancelSleepers()
    expect(await released).toBeInstanceOf(Error)

    expect(await sent).toMatchObject([{ version: 1 }])
    const [first, second] = await Promise.all(later)
    expect(first).toMatchObject([{ version: 2 }])
    expect(second).toBe(first)
  })

  const addOne = (id: string) =>
    createStatement(`UPDATE accounts SET created_at = created_at + 1 WHERE id = $1`, [id])

  test('transactions that lock the same rows in opposite order are both done in the end', async () => {
    const engines = [await openEngine(), await openEngine()]
    const storage = createStorage(await openEngine())
    for (const id of ['a', 'b']) await storage.addAccount(createAccountRow(id), event(id, id))
    const orders = [
      [addOne('a'), createStatement('SELECT pg_sleep(0.1)'), addOne('b')],
      [addOne('b'), createStatement('SELECT pg_sleep(0.1)'), addOne('a')],
    ]
    for (let n = 1; n <= 3; n++) {
      const changed = await Promise.all(
        // Alone and in groups.
        engines.flatMap((engine, m) =>
          Array.from({ length: n === 1 ? 1 : 2 }, () => engine.atomic(orders[m] ?? [])),
        ),
      )
      expect(changed).toEqual(changed.map(() => [1, 1, 1]))
    }
    expect((await storage.findAccount('a'))?.createdAt).toBe(11)
    expect((await storage.findAccount('b'))?.createdAt).toBe(11)
  })

  test('writes of one turn share one commit, and one that fails undoes only itself', async () => {
    const engine = await openEngine()
    const storage = createStorage(engine)
    const before = createStorage(await openEngine())
    const add = (id: string) => storage.addEvent(event(id))
    await add('taken')
    const readTransactionIds = async (ids: string[]) => {
      const list = ids.map((id) => `'${id}'`).join(', ')
      const rows = await postgres.query(
        url,
        `SELECT DISTINCT xmin::text FROM audit_events WHERE id IN (${list})`,
      )
      return rows.length
    }
    await Promise.all(['a', 'b', 'c'].map(add))
    expect(await readTransactionIds(['a', 'b', 'c'])).toBe(1)

    const settled = await Promise.allSettled(['d', 'taken', 'e'].map(add))
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const found = await before.listEvents({ limit: 10 })
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set(['a', 'b', 'c', 'd', 'e', 'taken']))
  })

  test('reads of one turn share one round trip, and one that fails does not fail the others', async () => {
    const engine = await openEngine()
    const divide = (by: number) => createStatement('SELECT 6 / $1::int AS result', [by])
    const settled = await Promise.allSettled([2, 0, 3].map((by) => engine.read(divide(by))))
    expect(settled).toEqual([
      { status: 'fulfilled', value: [{ result: 3 }] },
      { status: 'rejected', reason: expect.objectContaining({ code: '22012' }) },
      { status: 'fulfilled', value: [{ result: 2 }] },
    ])
  })

  test('a write that waits for a lock, and a slow scan, keep no others of their turn waiting', async () => {
    const [engine, other] = [
      await openEngine(createTestLog(), 10, PATIENT),
      await openEngine(createTestLog(), 10, PATIENT),
    ]
    const storage = createStorage(engine)
    await storage.addAccount(createAccountRow('a'), event('e', 'a'))
    const hold = other.atomic([addOne('a'), createStatement('SELECT pg_sleep(600)')])
    const held = hold.catch((error: unknown) => error)
    while ((await countSleepers()) === 0);

    const slow = Array.from({ length: 10 }, () =>
      Promise.resolve(engine.scan(createStatement('SELECT pg_sleep(600)'))),
    )
    const slept = Promise.allSettled(slow)
    const locked = engine.atomic([addOne('a')])
    const isLocked = locked.then(
      () => false,
      () => true,
    )
    await Promise.all([
      storage.addEvent(event('f')),
      storage.probe(),
      storage.findAccount('a'),
      storage.readAuthorityVersion(),
    ])
    expect(await countSleepers()).toBeGreaterThan(1)
    await cancelSleepers()
    expect(await held).toBeInstanceOf(Error)
    expect(await isLocked).toBe(false)
    while ((await countSleepers()) > 0) await cancelSleepers()
    for (const { status } of await slept) expect(status).toBe('rejected')
    expect((await storage.findAccount('a'))?.createdAt).toBe(2)
  })

  test('a statement with a result that changed with the schema is prepared again', async () => {
    const engine = await openEngine()
    const readVersion = createStatement('SELECT * FROM schema_version')
    expect(await engine.read(readVersion)).toEqual([{ version: SCHEMA_VERSION }])
    await postgres.query(url, `ALTER TABLE schema_version ADD COLUMN more text DEFAULT 'm'`)
    expect(await engine.read(readVersion)).toEqual([{ version: SCHEMA_VERSION, more: 'm' }])
  })

  test('writes that still wait when the database is closed are kept and answered', async () => {
    const engine = await openPostgres(url, createTestLog(), { connections: 1 })
    const storage = createStorage(engine)
    const written = ['a', 'b', 'c'].map((id) => storage.addEvent(event(id)))
    await engine.close()
    await Promise.all(written)
    expect(await createStorage(await openEngine()).listEvents({ limit: 10 })).toHaveLength(3)
  })

  test('connections that are cut are Unavailable to the requests that wait on them, and replaced for all others', async () => {
    const log = createTestLog()
    const engine = await openEngine(log)
    const storage = createStorage(engine)
    const sleep = createStatement('SELECT pg_sleep(600)')
    const sleeping: Promise<unknown>[] = []
    for (const ask of [
      () => engine.read(sleep),
      () => engine.atomic([sleep]),
      () => engine.atomic([createStatement('SELECT 1'), sleep]),
    ]) {
      sleeping.push(Promise.resolve(ask()).catch((error: unknown) => error))
      while ((await countSleepers()) < sleeping.length);
    }
    await closeConnections()
    for (const error of await Promise.all(sleeping))
      expect(error).toBeInstanceOf(StorageUnavailableError)
    await storage.probe()
    expect(await storage.readAuthorityVersion()).toBe(1)
  })

  test('a server that has one connection continues with it if no further one is possible', async () => {
    const engine = await openEngine()
    const storage = createStorage(engine)
    const elsewhere = new URL(url)
    elsewhere.pathname = '/postgres'
    const name = new URL(url).pathname.slice(1)
    await postgres.query(elsewhere.href, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
    const settled = await Promise.allSettled([
      storage.findAccount('a'),
      storage.findGrant('a'),
      storage.findKey('a'),
      storage.probe(),
      storage.findAccount('b'),
    ])
    expect(settled[0]).toEqual({ status: 'fulfilled', value: null })
    expect(settled[4]).toEqual({ status: 'fulfilled', value: null })
    for (const answer of settled) {
      if (answer.status === 'rejected')
        expect(answer.reason).toBeInstanceOf(StorageUnavailableError)
    }
    for (let n = 0; n < 5; n++) expect(await storage.findAccount('a')).toBeNull()
  })

  test('a transaction that was cut has left nothing behind', async () => {
    const engine = await openEngine()
    const storage = createStorage(engine)
    const cut = engine
      .atomic([
        createStatement(
          `INSERT INTO accounts (id, name, region, status, created_at, event_id) VALUES ('a', 'n', 'us', 'open', 1, 'e')`,
        ),
        createStatement('SELECT pg_sleep(600)'),
      ])
      .catch((error: unknown) => error)
    while ((await countSleepers()) === 0);
    await closeConnections()
    expect(await cut).toBeInstanceOf(StorageUnavailableError)
    expect(await storage.findAccount('a')).toBeNull()
  })
  const countWaiting = async (event: 'PgSleep' | 'advisory') =>
    (
      await postgres.query(
        url,
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = '${event}'`,
      )
    ).length
  const countSleepers = () => countWaiting('PgSleep')
  const cancelSleepers = () =>
    postgres.query(
      url,
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
    )

  test('a row that another connection keeps locked is waited for 5 seconds, then Unavailable', async () => {
    const [engine, other] = [await openEngine(), await openEngine()]
    const storage = createStorage(engine)
    await storage.probe()
    const hold = other.atomic([
      createStatement('SELECT id FROM probes FOR UPDATE'),
      createStatement('SELECT pg_sleep(600)'),
    ])
    const held = hold.catch((error: unknown) => error)
    while ((await countSleepers()) === 0);
    const started = performance.now()
    await expect(storage.probe()).rejects.toThrow(StorageUnavailableError)
    expect(performance.now() - started).toBeGreaterThan(4_900)
    // Reads are not blocked.
    expect(await storage.readAuthorityVersion()).toBe(1)
    await cancelSleepers()
    expect(await held).toBeInstanceOf(Error)
    await storage.probe()
  })

  test('each statement is prepared once by a connection, under a name of its own', async () => {
    const engine = await openEngine(createTestLog(), 1)
    const storage = createStorage(engine)
    for (let n = 0; n < 10; n++) {
      await storage.findKey(`key-${n}`)
      await storage.readAuthorityVersion()
    }
    const prepared = await engine.read(
      createStatement('SELECT generic_plans + custom_plans AS runs FROM pg_prepared_statements'),
    )
    expect(prepared).toEqual(expect.arrayContaining([{ runs: 10 }, { runs: 10 }]))
    expect(prepared).toHaveLength(3)
  })

  test('a write to a database that was closed is refused, not lost; closing twice is closing', async () => {
    const engine = await openEngine()
    await engine.close()
    await engine.close()
    await expect(createStorage(engine).addEvent(event('a'))).rejects.toThrow()
  })
})
