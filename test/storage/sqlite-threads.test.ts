import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import { StorageUnavailableError } from '../../src/service/ports/storage.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { createTempFolder, createTestLog } from '../support/server.ts'
import { createTestEvent } from './conformance/fixtures.ts'

describe('SQLite with threads', () => {
  let dir: string
  let path: string
  beforeEach(() => {
    dir = createTempFolder()
    path = join(dir, 'latchkey.db')
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  const event = (id: string, subject = 'subject') => createTestEvent(subject, { id })

  test('keep the process alive until they have ended, after a late answer as well', async () => {
    await openSqlite(path, {}).close()
    const thread = new URL('../../src/node/sqlite/database-thread.ts', import.meta.url)
    const program = `
      import { DatabaseThread } from ${JSON.stringify(thread)}
      const thread = new DatabaseThread(${JSON.stringify(path)}, () => {}, {})
      thread.read({ sql: 'select 1', values: [] }).catch(() => {})
      // The answer has come, but this process has not read it.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
      await thread.close()
      console.log('closed')`
    const args = ['--no-warnings', '--input-type=module', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    expect(stdout).toBe('closed\n')
  })

  describe('a scan of a large database', () => {
    const LONG_SCAN = {
      sql: `with recursive numbers (n) as (values (1) union all select n + 1 from numbers where n < 3000000)
        select count(*) as found from numbers`,
      values: [],
    }
    /** Has every scan run in the thread. */
    const openWithThread = () => openSqlite(path, { threadMinBytes: 0 })

    test('delays no other read', async () => {
      const engine = openWithThread()
      let isDone = false
      let reads = 0
      const scan = Promise.resolve(engine.scan(LONG_SCAN)).finally(() => {
        isDone = true
      })
      while (!isDone) {
        await engine.read({ sql: 'select version from authority', values: [] })
        reads++
      }
      expect(await scan).toEqual([{ found: 3_000_000 }])
      expect(reads).toBeGreaterThan(10)
      await engine.close()
    })

    test('sees every write that was answered before it', async () => {
      const engine = openWithThread()
      const storage = createStorage(engine)
      for (const id of ['a', 'b', 'c']) {
        await storage.addEvent(event(id))
        expect((await storage.listEvents({ limit: 1 }))[0]?.id).toBe(id)
      }
      await storage.close()
    })

    test('that fails rejects with the reason, as a read does, and the next one succeeds', async () => {
      const engine = openWithThread()
      const broken = { sql: 'select * from nothing', values: [] }
      const failures = await Promise.allSettled([engine.read(broken), engine.scan(broken)])
      const [read, scan] = failures.map((failure) => (failure as PromiseRejectedResult).reason)
      expect(scan).toBeInstanceOf(Database.SqliteError)
      expect([scan.code, scan.message]).toEqual([read.code, read.message])
      expect(await engine.scan({ sql: 'select 1 as one', values: [] })).toEqual([{ one: 1 }])
      await engine.close()
    })

    test('whose values cannot be sent fails alone: the next one has its own rows', async () => {
      const engine = openWithThread()
      const unsendable = { sql: 'select ?', values: [() => 1] }
      await expect(engine.scan(unsendable)).rejects.toThrow('could not be cloned')
      expect(await engine.scan({ sql: 'select 2 as two', values: [] })).toEqual([{ two: 2 }])
      await engine.close()
    })

    test('of a file that cannot be opened is the fault of the disk', async () => {
      const engine = openWithThread()
      renameSync(path, `${path}.gone`)
      mkdirSync(path)
      await expect(engine.scan({ sql: 'select 1', values: [] })).rejects.toThrow(
        StorageUnavailableError,
      )
      await engine.close().catch(() => undefined)
    })

    test('that a closing database cuts short is refused', async () => {
      const engine = openWithThread()
      const scan = Promise.resolve(engine.scan(LONG_SCAN))
      const refused = expect(scan).rejects.toThrow('the database is being closed')
      await engine.close()
      await refused
    })
  })

  describe('a long write', () => {
    const PART = 'x'.repeat(700_000)

    test('is kept and answered when the database is closed, as are the short ones beside it', async () => {
      const storage = createStorage(openSqlite(path))
      const waiting = Promise.all([
        storage.addEvent(event('a')),
        storage.addPayloadPart('m', 0, PART, 1),
        storage.addEvent(event('b')),
        storage.addPayloadPart('m', 1, PART, 1),
      ])
      await storage.close()
      await waiting
      const reopenedStorage = createStorage(openSqlite(path))
      expect(await reopenedStorage.listEvents({ limit: 10 })).toHaveLength(2)
      expect(await reopenedStorage.findPayloadPart('m', 1)).toBe(PART)
      await reopenedStorage.close()
    })

    test('delays a short one by itself, not by those that wait', async () => {
      const storage = createStorage(openSqlite(path))
      const answered: string[] = []
      const note = (name: string) => () => answered.push(name)
      await Promise.all([
        ...[0, 1, 2].map((part) => storage.addPayloadPart('m', part, PART, 1).then(note('long'))),
        storage.addEvent(event('a')).then(note('short')),
      ])
      expect(answered).toEqual(['long', 'short', 'long', 'long'])
      await storage.close()
    })

    test('that fails changes nothing, and the next one succeeds', async () => {
      const storage = createStorage(openSqlite(path))
      await storage.addPayloadPart('m', 0, PART, 1)
      await expect(storage.addPayloadPart('m', 0, `other${PART}`, 1)).rejects.toThrow(/UNIQUE/)
      await storage.addPayloadPart('m', 1, PART, 1)
      expect(await storage.findPayloadPart('m', 0)).toBe(PART)
      await storage.close()
    })

    test('is refused if the log was replaced before it was synced', async () => {
      const storage = createStorage(openSqlite(path))
      const waiting = storage.addPayloadPart('m', 0, PART, 1)
      renameSync(`${path}-wal`, `${path}-wal.old`)
      writeFileSync(`${path}-wal`, '')
      await expect(waiting).rejects.toThrow(StorageUnavailableError)
      await storage.close().catch(() => undefined)
    })

    test('creates no file in place of a removed one', async () => {
      const storage = createStorage(openSqlite(path))
      renameSync(path, `${path}.old`)
      const waiting = storage.addPayloadPart('m', 0, PART, 1)
      await expect(waiting).rejects.toThrow(StorageUnavailableError)
      expect(existsSync(path)).toBe(false)
      expect(existsSync(`${path}-wal`)).toBe(true)
      await storage.close().catch(() => undefined)
    })

    test('that another process keeps out is refused together with those that wait for it', async () => {
      const storage = createStorage(openSqlite(path))
      const other = new Database(path)
      other.exec('BEGIN IMMEDIATE')
      const waiting = [0, 1, 2].map((part) => storage.addPayloadPart('m', part, PART, 1))
      await expect(Promise.any(waiting)).rejects.toThrow(AggregateError)
      other.close()
      await storage.addPayloadPart('m', 0, PART, 1)
      await storage.close()
    }, 25_000)

    test('and more of them without a pause leave a short log and a whole file', async () => {
      const engine = openSqlite(path)
      const [storage, other] = [createStorage(engine), createStorage(openSqlite(path))]
      const PARTS = 80
      for (let part = 0; part < PARTS; part += 4) {
        await Promise.all([
          storage.addPayloadPart('m', part, PART, 1),
          other.addPayloadPart('m', part + 1, PART, 1),
          storage.addEvent(event(`event-${part}`)),
          storage.addPayloadPart('m', part + 2, PART, 1),
          other.addPayloadPart('m', part + 3, PART, 1),
        ])
      }
      const MAX_LOG_PAGES = 10_000
      const readLog = { sql: 'PRAGMA wal_checkpoint(NOOP)', values: [] }
      const measureLog = async () => ((await engine.read(readLog)) as [{ log: number }])[0].log
      const writeUntilShort = async () => {
        await storage.addPayloadPart(crypto.randomUUID(), 0, 'short', 1)
        return measureLog()
      }
      await expect.poll(writeUntilShort).toBeLessThan(MAX_LOG_PAGES)
      expect(await other.findPayloadPart('m', PARTS - 1)).toBe(PART)
      await storage.close()
      await other.close()
      expect(existsSync(`${path}-wal`)).toBe(false)
      const file = new Database(path, { readonly: true })
      expect(file.pragma('quick_check', { simple: true })).toBe('ok')
      expect(
        file.prepare('SELECT count(*) FROM payload_parts WHERE message_id = ?').pluck().get('m'),
      ).toBe(PARTS)
      file.close()
    })
  })

  test('the log is not copied to a file that replaced the database', async () => {
    const log = createTestLog()
    await openSqlite(path).close()
    const backup = readFileSync(path)
    const storage = createStorage(openSqlite(path, { log, checkpointPages: 20 }))
    await storage.addPayloadPart('m', 0, 'x'.repeat(200_000), 1)
    renameSync(path, `${path}.old`)
    writeFileSync(path, backup)
    await expect.poll(() => JSON.stringify(log.lines)).toContain('could not be copied')
    expect(readFileSync(path)).toEqual(backup)
    await storage.close().catch(() => undefined)
  })

  test('a scan reads nothing of a file that replaced the database', async () => {
    const engine = openSqlite(path, { threadMinBytes: 0 })
    renameSync(path, `${path}.old`)
    writeFileSync(path, readFileSync(`${path}.old`))
    await expect(engine.scan({ sql: 'select 1 as one', values: [] })).rejects.toThrow(
      StorageUnavailableError,
    )
    await engine.close().catch(() => undefined)
  })

  test('writes wait for the copy of a log that is too long, and end with the database', async () => {
    const checkpointPages = 200
    const engines = [1, 2].map(() => openSqlite(path, { checkpointPages }))
    const PART = 'x'.repeat(300_000)
    const longestLog = { pages: 0 }
    const work = engines.map(async (engine, name) => {
      const storage = createStorage(engine)
      for (let part = 0; part < 100; part++) {
        await storage.addPayloadPart(`m${name}`, part, PART, 1)
        const readLog = { sql: 'PRAGMA wal_checkpoint(NOOP)', values: [] }
        const [row] = (await engine.read(readLog)) as [{ log: number }]
        longestLog.pages = Math.max(longestLog.pages, row.log)
      }
    })
    await Promise.all(work)
    // Without a wait, SQLite itself would copy a log of twice this length.
    expect(longestLog.pages).toBeLessThan(6 * checkpointPages)
    const last = engines.map((engine, n) =>
      createStorage(engine).addPayloadPart('last', n, PART, 1),
    )
    for (const engine of engines) await engine.close()
    await Promise.all(last)
  })
})
