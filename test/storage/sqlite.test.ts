import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { SCHEMA_VERSION } from '../../src/storage/tables.ts'
import { createTempFolder } from '../support/server.ts'
import { createTestEvent } from './conformance/fixtures.ts'
import { testStorageConformance } from './conformance/suite.ts'

testStorageConformance('SQLite', async () => {
  const dir = createTempFolder()
  const engine = openSqlite(join(dir, 'latchkey.db'))
  return {
    engine,
    async dispose() {
      await engine.close()
      rmSync(dir, { recursive: true })
    },
  }
})

describe('SQLite', () => {
  let dir: string
  let path: string
  beforeEach(() => {
    dir = createTempFolder()
    path = join(dir, 'latchkey.db')
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  const event = (id: string, subject = 'subject') => createTestEvent(subject, { id })

  /** How many commits the write-ahead log holds: a commit's last frame carries the file's size. */
  function countCommits(): number {
    const wal = readFileSync(`${path}-wal`)
    const frame = 24 + wal.readUInt32BE(8)
    let found = 0
    for (let at = 32; at + frame <= wal.length; at += frame) {
      if (wal.readUInt32BE(at + 4) !== 0) found++
    }
    return found
  }

  test('writes of one turn share one commit, and one that fails undoes only itself', async () => {
    const engine = openSqlite(path)
    const storage = createStorage(engine)
    await storage.addEvent(event('f'))
    const before = countCommits()

    const ids = ['a', 'b', 'f', 'c', 'f', 'd']
    const written = await Promise.allSettled(ids.map((id) => storage.addEvent(event(id))))
    expect(written.map(({ status }) => status === 'fulfilled')).toEqual(ids.map((id) => id !== 'f'))
    expect(countCommits()).toBe(before + 1)
    const storedEvents = await storage.listEvents({ limit: 10 })
    expect(storedEvents.map(({ id }) => id)).toEqual(['f', 'd', 'c', 'b', 'a'])

    await storage.addEvent(event('e'))
    expect(countCommits()).toBe(before + 2)
    await storage.close()
  })

  test('writes share one commit with those of requests that read in the same turn', async () => {
    const storage = createStorage(openSqlite(path))
    await storage.addEvent(event('a'))
    const before = countCommits()
    const readAndAdd = async () => {
      await storage.listEvents({ limit: 1 })
      await storage.addEvent(event('c'))
    }
    await Promise.all([storage.addEvent(event('b')), readAndAdd()])
    expect(countCommits()).toBe(before + 1)
    await storage.close()
  })

  test('writes wait for reads one turn only', async () => {
    const engine = openSqlite(path)
    const storage = createStorage(engine)
    let isWritten = false
    const write = storage.addEvent(event('a')).then(() => {
      isWritten = true
    })
    let reads = 0
    while (!isWritten) {
      await engine.read({ sql: 'select version from authority', values: [] })
      reads++
    }
    await write
    expect(reads).toBeLessThan(5)
    await storage.close()
  })

  test('a commit waits for the disk, in the log too: a power cut loses nothing that was answered', async () => {
    const engine = openSqlite(path)
    const FULL = 2
    expect(await engine.read({ sql: 'PRAGMA synchronous', values: [] })).toEqual([
      { synchronous: FULL },
    ])
    await engine.close()
  })

  test('a write that is answered is in the file, whatever becomes of the process', async () => {
    const storage = createStorage(openSqlite(path))
    await storage.addEvent(event('a'))
    const other = new Database(path, { readonly: true })
    expect(other.prepare('SELECT id FROM audit_events').pluck().all()).toEqual(['a'])
    expect(other.pragma('journal_mode', { simple: true })).toBe('wal')
    other.close()
    await storage.close()
  })

  test('writes that still wait when the database is closed are kept and answered', async () => {
    const storage = createStorage(openSqlite(path))
    const waiting = Promise.all([storage.addEvent(event('a')), storage.addEvent(event('b'))])
    await storage.close()
    await waiting
    const reopenedStorage = createStorage(openSqlite(path))
    expect(await reopenedStorage.listEvents({ limit: 10 })).toHaveLength(2)
    await reopenedStorage.close()
  })

  test('a write to a closed database is refused, not lost', async () => {
    const storage = createStorage(openSqlite(path))
    await storage.close()
    await expect(storage.addEvent(event('a'))).rejects.toThrow()
  })

  test('a group that cannot be committed is refused to every writer, and the next one works', async () => {
    const storage = createStorage(openSqlite(path))
    const other = new Database(path)
    other.exec(
      'CREATE TRIGGER full BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ROLLBACK, 1); END',
    )
    const written = await Promise.allSettled([
      storage.addEvent(event('a')),
      storage.addEvent(event('b')),
    ])
    expect(written.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    other.exec('DROP TRIGGER full')
    other.close()
    await storage.addEvent(event('c'))
    expect((await storage.listEvents({ limit: 10 })).map(({ id }) => id)).toEqual(['c'])
    await storage.close()
  })

  test.each([0, SCHEMA_VERSION + 1, 999])(
    'a file of schema version %d is refused with a sentence',
    async (version) => {
      await openSqlite(path).close()
      const db = new Database(path)
      db.prepare('UPDATE schema_version SET version = ?').run(version)
      db.close()
      expect(() => openSqlite(path)).toThrow(
        `the database has schema version ${version}, this Latchkey reads version ${SCHEMA_VERSION}: ` +
          'use the version of Latchkey that wrote it, or a newer one',
      )
    },
  )

  test('a file is opened again with everything that is in it', async () => {
    const first = createStorage(openSqlite(path))
    await first.addEvent(event('a'))
    await first.close()
    const second = createStorage(openSqlite(path))
    expect(await second.listEvents({ limit: 10 })).toEqual([{ ...event('a'), accountId: null }])
    await second.close()
  })

  test('foreign keys are enforced', async () => {
    const storage = createStorage(openSqlite(path))
    const row = { id: 's', accountId: 'nobody', name: 'n', createdAt: 1 }
    await expect(storage.addSource(row, event('e', 's'))).rejects.toThrow(/FOREIGN KEY/)
    await storage.close()
  })

  test('two processes on one file see each other’s writes at once', async () => {
    const [one, two] = [createStorage(openSqlite(path)), createStorage(openSqlite(path))]
    for (let n = 1; n <= 20; n++) {
      const [writer, reader] = n % 2 === 0 ? [one, two] : [two, one]
      const grant = { grantId: 'g', keyId: 'k', to: n, rotatedAt: n, expiresAt: 99 }
      expect(await writer.rotateGrant(grant)).toBe(true)
      expect((await reader.findGrant('g'))?.generation).toBe(n)
      const version = await reader.readAuthorityVersion()
      const account = {
        id: `account-${n}`,
        name: 'n',
        region: 'us',
        status: 'open',
        createdAt: 1,
        offboardingPolicy: 'keep',
        ipAllowlistEnforced: false,
      } as const
      await writer.addAccount(account, event(`event-${n}`, account.id))
      expect(await reader.readAuthorityVersion()).toBe(version + 1)
      expect(await reader.findAccount(account.id)).toEqual(account)
    }
    await one.close()
    await two.close()
  })

  test('two processes that rotate one grant at once have one winner', async () => {
    const [one, two] = [createStorage(openSqlite(path)), createStorage(openSqlite(path))]
    for (let to = 1; to <= 20; to++) {
      const grant = { grantId: 'g', keyId: 'k', to, rotatedAt: to, expiresAt: 99 }
      const won = await Promise.all(
        [one, two, one, two].map((storage) => storage.rotateGrant(grant)),
      )
      expect(won.filter(Boolean)).toHaveLength(1)
    }
    await one.close()
    await two.close()
  })
})
