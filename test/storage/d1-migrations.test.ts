import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeD1Migration } from '../../src/node/d1-migration.ts'
import { Unavailable } from '../../src/service/ports.ts'
import { HISTORY, type History } from '../../src/storage/migrations.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { openD1 } from '../../src/worker/d1.ts'
import { endingIn, STEPS, VERSION_3 } from '../support/migrate/histories.ts'
import {
  MIGRATED_KEYS,
  REVOCATIONS,
  SELECT_REVOCATIONS,
  SELECT_SPELLED_KEYS,
  SPELLED_KEYS,
} from '../support/migrate/spellings.ts'
import { temporaryFolder } from '../support/server.ts'
import { startD1 } from '../support/worker/d1.ts'
import { d1Execute } from '../support/worker/wrangler.ts'

/*
 * What `latchkey migrate --d1` writes, executed on a D1 database of version 1 with rows in it.
 */

const FIXTURE = fileURLToPath(new URL('../fixtures/schema-1.sql', import.meta.url))

let d1: Awaited<ReturnType<typeof startD1>>
let dir: string
let path: string
beforeEach(async () => {
  d1 = await startD1()
  dir = temporaryFolder()
  path = join(dir, 'migration.sql')
  await d1.executeText(readFileSync(FIXTURE, 'utf8'))
})
afterEach(async () => {
  await d1.dispose()
  rmSync(dir, { recursive: true, force: true })
})

const executeFile = () => d1.executeText(readFileSync(path, 'utf8'))
const migrate = (from: number, history: History = VERSION_3) => {
  writeD1Migration(path, from, history)
  return executeFile()
}
const version = () => d1.query('SELECT version FROM schema_version')

/** Every table and index, and the rows that the steps change. */
const contents = async () => [
  await d1.query(`SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '_cf%' ORDER BY name`),
  await d1.query('SELECT * FROM accounts ORDER BY id'),
  await d1.query('SELECT * FROM users ORDER BY id'),
  await d1.query('SELECT * FROM grants ORDER BY id'),
  await version(),
]

test('a database of version 1 is brought to version 3, each row kept', async () => {
  const count =
    'SELECT (SELECT count(*) FROM keys) AS keys, (SELECT count(*) FROM grants) AS grants'
  const before = await d1.query(count)
  await migrate(1)
  expect(await version()).toEqual([{ version: 3 }])
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

test('a file for another version fails, says why, and changes nothing', async () => {
  const before = await contents()
  await expect(migrate(2)).rejects.toThrow(
    'the database does not have schema version 2, nothing was changed',
  )
  expect(await contents()).toEqual(before)
})

test('a file that was executed fails the second time, and changes nothing', async () => {
  await migrate(1)
  const before = await contents()
  await expect(executeFile()).rejects.toThrow(
    'the database does not have schema version 1, nothing was changed',
  )
  expect(await contents()).toEqual(before)
})

test('a database of nobody’s version is left as it is', async () => {
  await d1.executeText('DELETE FROM schema_version;')
  const before = await contents()
  await expect(migrate(1)).rejects.toThrow('does not have schema version 1')
  expect(await contents()).toEqual(before)
})

test('a step that fails takes the steps before it with it', async () => {
  const [first] = STEPS
  const broken = { to: 3, says: '', statements: ['UPDATE nowhere SET x = 1'] }
  const before = await contents()
  await expect(
    migrate(1, { version: 3, migrations: first === undefined ? [] : [first, broken] }),
  ).rejects.toThrow('no such table: nowhere')
  expect(await contents()).toEqual(before)
  await expect(migrate(1, endingIn('DELETE FROM accounts'))).rejects.toThrow(/FOREIGN KEY/)
  expect(await contents()).toEqual(before)
})

test('no file is written where nothing is to be done, nor for a version of the future', () => {
  expect(writeD1Migration(path, 3, VERSION_3)).toEqual([])
  expect(() => writeD1Migration(path, 4, VERSION_3)).toThrow(/use the Latchkey that wrote it/)
  expect(existsSync(path)).toBe(false)
})

test('a Worker waits for the migration, says how it is done, and then serves', async () => {
  const storage = createStorage(openD1(d1.db, VERSION_3))
  await expect(storage.authorityVersion()).rejects.toThrow(
    new Unavailable(
      'the database has schema version 1, this Latchkey reads version 3: ' +
        'latchkey migrate --d1 FILE --from 1, and execute FILE with wrangler',
    ),
  )
  await expect(storage.probe()).rejects.toBeInstanceOf(Unavailable)
  await migrate(1)
  await storage.authorityVersion()
})

test('a database of version 4 gets one spelling of each public id that is a UUID', async () => {
  const other = await startD1()
  try {
    const fixture = new URL('../fixtures/schema-4.sql', import.meta.url)
    await other.executeText(readFileSync(fixture, 'utf8') + SPELLED_KEYS)
    writeD1Migration(path, 4, HISTORY)
    await other.executeText(readFileSync(path, 'utf8'))
    expect(await other.query(SELECT_SPELLED_KEYS)).toEqual(MIGRATED_KEYS)
    expect(await other.query(SELECT_REVOCATIONS)).toEqual(REVOCATIONS)
  } finally {
    await other.dispose()
  }
})

test('wrangler executes the file, and says why where it does not', async () => {
  await d1Execute(dir, '--file', FIXTURE)
  writeD1Migration(path, 1, VERSION_3)
  await d1Execute(dir, '--file', path)
  await expect(d1Execute(dir, '--file', path)).rejects.toThrow(
    'the database does not have schema version 1, nothing was changed',
  )
  const found = await d1Execute(dir, '--json', '--command', 'SELECT version FROM schema_version')
  expect(JSON.parse(found)).toMatchObject([{ results: [{ version: 3 }] }])
})
