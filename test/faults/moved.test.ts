import { copyFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { change } from '../support/moving.ts'
import { done, type TestServer, testServer } from '../support/server.ts'

let server: TestServer
let path: string
beforeEach(async () => {
  server = await testServer()
  path = join(server.dir, 'latchkey.db')
})
afterEach(() => server.close())

const ready = async () => (await server.call('/ready', { method: 'GET' })).status
const write = () => server.accounts.create({ name: 'Clinic' })

/** All that is in the log goes into the file. */
function emptyLog(): void {
  const db = new Database(path)
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
}

/** Another file of the same name, with the same in it. */
function replace(file: string): void {
  copyFileSync(file, `${file}.other`)
  renameSync(`${file}.other`, file)
}

describe('Under a running server, a database of which', () => {
  test.each<[string, () => void]>([
    ['the file was removed', () => rmSync(path)],
    ['the file was moved away', () => renameSync(path, `${path}.away`)],
    ['the file was replaced', () => replace(path)],
    ['the file was cut', () => truncateSync(path, 20 * 4096)],
    ['the file was emptied', () => writeFileSync(path, '')],
    ['the log was removed', () => rmSync(`${path}-wal`)],
    ['the log was replaced', () => replace(`${path}-wal`)],
    ['the index of the log was removed', () => rmSync(`${path}-shm`)],
  ])('%s acknowledges nothing more, and is not ready', async (_, harm) => {
    done(await write())
    emptyLog()
    done(await write())
    expect(await ready()).toBe(200)

    harm()
    await expect(write()).rejects.toThrow(
      'the database file was removed, replaced or cut: stop the server and restore it from a backup',
    )
    expect(await ready()).toBe(503)
    await expect(write()).rejects.toMatchObject({ name: 'Unavailable' })
  })

  test('the file became smaller by a VACUUM goes on', async () => {
    change(path, 'CREATE TABLE filler (bytes TEXT)')
    change(path, `INSERT INTO filler VALUES (hex(zeroblob(200000))), (hex(zeroblob(200000)))`)
    emptyLog()
    done(await write())
    change(path, 'DROP TABLE filler')
    change(path, 'VACUUM')
    emptyLog()
    done(await write())
    done(await write())
    expect(await ready()).toBe(200)
  })
})
