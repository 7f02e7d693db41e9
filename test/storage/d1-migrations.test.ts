import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeD1Migration } from '../../src/node/d1-files.ts'
import { StorageUnavailableError } from '../../src/service/ports/storage.ts'
import { SCHEMA_HISTORY, type SchemaHistory } from '../../src/storage/migrations.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { openD1 } from '../../src/worker/d1.ts'
import { executeWranglerD1, startTestD1 } from '../support/database/d1.ts'
import {
  createHistoryEndingIn,
  EXPECTED_ID_CASE_KEYS,
  EXPECTED_REVOCATIONS,
  INSERT_ID_CASE_KEYS,
  SAMPLE_HISTORY_6,
  SAMPLE_MIGRATIONS,
  SELECT_ID_CASE_KEYS,
  SELECT_REVOCATIONS,
} from '../support/database/migrations.ts'
import { createTempFolder } from '../support/server.ts'

/*
 * Runs the output of `latchkey migrate --d1` on a D1 database of version 4 that holds rows.
 */

const FIXTURE = fileURLToPath(new URL('../fixtures/schema-4.sql', import.meta.url))

let d1: Awaited<ReturnType<typeof startTestD1>>
let dir: string
let path: string
beforeEach(async () => {
  d1 = await startTestD1()
  dir = createTempFolder()
  path = join(dir, 'migration.sql')
  await d1.executeText(readFileSync(FIXTURE, 'utf8'))
})
afterEach(async () => {
  await d1.dispose()
  rmSync(dir, { recursive: true, force: true })
})

const executeMigrationFile = () => d1.executeText(readFileSync(path, 'utf8'))
const writeMigration = (from: number, history: SchemaHistory = SAMPLE_HISTORY_6) => {
  writeD1Migration(path, from, history)
  return executeMigrationFile()
}
const readVersion = () => d1.query('SELECT version FROM schema_version')

/** Every table and index, and the rows that the steps change. */
const readContents = async () => [
  await d1.query(`SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '_cf%' ORDER BY name`),
  await d1.query('SELECT * FROM accounts ORDER BY id'),
  await d1.query('SELECT * FROM users ORDER BY id'),
  await d1.query('SELECT * FROM grants ORDER BY id'),
  await readVersion(),
]

test('a database of version 4 is brought to version 6, each row kept', async () => {
  const count =
    'SELECT (SELECT count(*) FROM keys) AS keys, (SELECT count(*) FROM grants) AS grants'
  const before = await d1.query(count)
  await writeMigration(4)
  expect(await readVersion()).toEqual([{ version: 6 }])
  expect(await d1.query('SELECT name, tier FROM accounts ORDER BY id')).toEqual([
    { name: 'Acme Health', tier: 'standard' },
    { name: '🏥 Ünïcode', tier: 'closed' },
  ])
  expect(await d1.query('SELECT email, phone FROM users')).toEqual([
    { email: 'eng@acme.example', phone: null },
  ])
  expect(await d1.query(count)).toEqual(before)
  expect(await d1.query(`SELECT name FROM sqlite_master WHERE name LIKE '%guard%'`)).toEqual([])
})

test('a file for another version fails with the reason, and changes nothing', async () => {
  const before = await readContents()
  await expect(writeMigration(5)).rejects.toThrow(
    'the database does not have schema version 5, nothing was changed',
  )
  expect(await readContents()).toEqual(before)
})

test('a file that was executed fails the second time, and changes nothing', async () => {
  await writeMigration(4)
  const before = await readContents()
  await expect(executeMigrationFile()).rejects.toThrow(
    'the database does not have schema version 4, nothing was changed',
  )
  expect(await readContents()).toEqual(before)
})

test('a database of an unknown version is not changed', async () => {
  await d1.executeText('DELETE FROM schema_version;')
  const before = await readContents()
  await expect(writeMigration(4)).rejects.toThrow('does not have schema version 4')
  expect(await readContents()).toEqual(before)
})

test('a step that fails takes the steps before it with it', async () => {
  const [first] = SAMPLE_MIGRATIONS
  const broken = { to: 6, summary: '', statements: ['UPDATE nowhere SET x = 1'] }
  const before = await readContents()
  await expect(
    writeMigration(4, { version: 6, migrations: first === undefined ? [] : [first, broken] }),
  ).rejects.toThrow('no such table: nowhere')
  expect(await readContents()).toEqual(before)
  await expect(writeMigration(4, createHistoryEndingIn('DELETE FROM accounts'))).rejects.toThrow(
    /FOREIGN KEY/,
  )
  expect(await readContents()).toEqual(before)
})

test('no file is written where nothing is to be done, nor for a version of the future', () => {
  expect(writeD1Migration(path, 6, SAMPLE_HISTORY_6)).toEqual([])
  expect(() => writeD1Migration(path, 7, SAMPLE_HISTORY_6)).toThrow(
    /use the version of Latchkey that wrote it/,
  )
  expect(existsSync(path)).toBe(false)
})

test('a Worker waits for the migration, explains how to do it, and then serves', async () => {
  const storage = createStorage(openD1(d1.db, SAMPLE_HISTORY_6))
  await expect(storage.readAuthorityVersion()).rejects.toThrow(
    new StorageUnavailableError(
      'the database has schema version 4, this Latchkey reads version 6: ' +
        'latchkey migrate --d1 FILE --from 4, and execute FILE with wrangler',
    ),
  )
  await expect(storage.probe()).rejects.toBeInstanceOf(StorageUnavailableError)
  await writeMigration(4)
  await storage.readAuthorityVersion()
})

test('a database of version 4 gets one spelling of each public id that is a UUID', async () => {
  const other = await startTestD1()
  try {
    const fixture = new URL('../fixtures/schema-4.sql', import.meta.url)
    await other.executeText(readFileSync(fixture, 'utf8') + INSERT_ID_CASE_KEYS)
    writeD1Migration(path, 4, SCHEMA_HISTORY)
    await other.executeText(readFileSync(path, 'utf8'))
    expect(await other.query(SELECT_ID_CASE_KEYS)).toEqual(EXPECTED_ID_CASE_KEYS)
    expect(await other.query(SELECT_REVOCATIONS)).toEqual(EXPECTED_REVOCATIONS)
  } finally {
    await other.dispose()
  }
})

test('wrangler executes the file, and prints the reason if it fails', async () => {
  const wranglerD1 = await startTestD1(dir)
  await wranglerD1.executeText(readFileSync(FIXTURE, 'utf8'))
  await wranglerD1.dispose()
  writeD1Migration(path, 4, SAMPLE_HISTORY_6)
  await executeWranglerD1(dir, '--file', path)
  await expect(executeWranglerD1(dir, '--file', path)).rejects.toThrow(
    'the database does not have schema version 4, nothing was changed',
  )
  const migratedD1 = await startTestD1(dir)
  expect(await migratedD1.query('SELECT version FROM schema_version')).toEqual([{ version: 6 }])
  await migratedD1.dispose()
})
