import { copyFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { executeSql } from '../support/database/data-folder.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'

let server: TestServer
let path: string
beforeEach(async () => {
  server = await createTestServer()
  path = join(server.dir, 'latchkey.db')
})
afterEach(() => server.close())

const readReadyStatus = async () => (await server.call('/ready', { method: 'GET' })).status
const createAccount = () => server.accounts.create({ name: 'Clinic' })

/** All that is in the log goes into the file. */
function truncateWal(): void {
  const db = new Database(path)
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
}

/** Another file of the same name, with the same in it. */
function replaceDatabase(file: string): void {
  copyFileSync(file, `${file}.other`)
  renameSync(`${file}.other`, file)
}

describe('Under a running server, a database of which', () => {
  test.each<[string, () => void]>([
    ['the file was removed', () => rmSync(path)],
    ['the file was moved away', () => renameSync(path, `${path}.away`)],
    ['the file was replaced', () => replaceDatabase(path)],
    ['the file was cut', () => truncateSync(path, 20 * 4096)],
    ['the file was emptied', () => writeFileSync(path, '')],
    ['the log was removed', () => rmSync(`${path}-wal`)],
    ['the log was replaced', () => replaceDatabase(`${path}-wal`)],
    ['the index of the log was removed', () => rmSync(`${path}-shm`)],
  ])('%s acknowledges nothing more, and is not ready', async (_, harm) => {
    unwrap(await createAccount())
    truncateWal()
    unwrap(await createAccount())
    expect(await readReadyStatus()).toBe(200)

    harm()
    await expect(createAccount()).rejects.toThrow(
      'the database file was removed, replaced or cut: stop the server and restore it from a backup',
    )
    expect(await readReadyStatus()).toBe(503)
    await expect(createAccount()).rejects.toMatchObject({ name: 'Unavailable' })
  })

  test('the file became smaller by a VACUUM continues', async () => {
    executeSql(path, 'CREATE TABLE filler (bytes TEXT)')
    executeSql(path, `INSERT INTO filler VALUES (hex(zeroblob(200000))), (hex(zeroblob(200000)))`)
    truncateWal()
    unwrap(await createAccount())
    executeSql(path, 'DROP TABLE filler')
    executeSql(path, 'VACUUM')
    truncateWal()
    unwrap(await createAccount())
    unwrap(await createAccount())
    expect(await readReadyStatus()).toBe(200)
  })
})
