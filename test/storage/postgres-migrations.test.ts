import { readFileSync } from 'node:fs'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openPostgres,
  preparePostgresSchema,
  readPostgresVersion,
} from '../../src/node/postgres/engine.ts'
import { SCHEMA_VERSION } from '../../src/storage/tables.ts'
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
import { type PostgresServer, startPostgres } from '../support/database/postgres.ts'
import { createTestLog } from '../support/server.ts'

const FIXTURE = new URL('../fixtures/schema-4.sql', import.meta.url)

let postgres: PostgresServer
let url: string
let clients: Client[]
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  url = await postgres.createDatabase()
  clients = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const client = new Client({ connectionString: url })
      await client.connect()
      return client
    }),
  )
  await getOnlyClient().query(readFileSync(FIXTURE, 'utf8'))
  return () => Promise.all(clients.map((client) => client.end()))
})

function getOnlyClient(): Client {
  const [client] = clients
  if (client === undefined) throw new Error('there is no client')
  return client
}
const accounts = async () =>
  (await getOnlyClient().query('SELECT * FROM accounts ORDER BY id')).rows
const readVersion = async () => Number(await readPostgresVersion(getOnlyClient()))

test('servers that start together bring a database of version 4 to version 6 once', async () => {
  const appliedMigrations = await Promise.all(
    clients.map((client) => preparePostgresSchema(client, SAMPLE_HISTORY_6)),
  )
  expect(appliedMigrations.flat().map(({ to }) => to)).toHaveLength(SAMPLE_MIGRATIONS.length)
  expect(await readVersion()).toBe(6)
  expect((await accounts()).map(({ tier }) => tier)).toEqual(['standard', 'closed'])
  const { rows } = await getOnlyClient().query('SELECT email, phone FROM users')
  expect(rows).toEqual([{ email: 'eng@acme.example', phone: null }])
})

test('a server that has migrated logs it in one line', async () => {
  const log = createTestLog()
  await (await openPostgres(url, log, { history: SAMPLE_HISTORY_6 })).close()
  await (await openPostgres(url, log, { history: SAMPLE_HISTORY_6 })).close()
  expect(log.lines).toEqual([
    {
      level: 'info',
      message: 'the database was migrated',
      facts: { from: 4, to: 6, ms: expect.any(Number) },
    },
  ])
})

test('a step that fails leaves the version and the rows as they were', async () => {
  const before = await accounts()
  await expect(
    preparePostgresSchema(getOnlyClient(), createHistoryEndingIn('UPDATE nowhere SET x = 1')),
  ).rejects.toThrow(
    'the database keeps schema version 4: the step to 5 failed: relation "nowhere" does not exist',
  )
  expect(await accounts()).toEqual(before)
  expect(await readVersion()).toBe(4)
})

test('a connection that is killed in the middle of a step leaves what there was', async () => {
  const before = await accounts()
  const kill = createHistoryEndingIn('SELECT pg_terminate_backend(pg_backend_pid())')
  const dying = new Client({ connectionString: url })
  dying.on('error', () => undefined)
  await dying.connect()
  await expect(preparePostgresSchema(dying, kill)).rejects.toThrow(/keeps schema version 4/)
  expect(await accounts()).toEqual(before)
  expect(await readVersion()).toBe(4)
})

test('a database of version 4 gets one spelling of each public id that is a UUID', async () => {
  const client = new Client({ connectionString: await postgres.createDatabase() })
  await client.connect()
  try {
    await client.query(readFileSync(new URL('../fixtures/schema-4.sql', import.meta.url), 'utf8'))
    await client.query(INSERT_ID_CASE_KEYS)
    await preparePostgresSchema(client)
    expect((await client.query(SELECT_ID_CASE_KEYS)).rows).toEqual(EXPECTED_ID_CASE_KEYS)
    expect((await client.query(SELECT_REVOCATIONS)).rows).toEqual(EXPECTED_REVOCATIONS)
  } finally {
    await client.end()
  }
})

test('a newer database is refused with a sentence', async () => {
  await getOnlyClient().query('UPDATE schema_version SET version = $1', [SCHEMA_VERSION + 1])
  await expect(openPostgres(url, createTestLog())).rejects.toThrow(
    `the database has schema version ${SCHEMA_VERSION + 1}, this Latchkey reads version ${SCHEMA_VERSION}: ` +
      'use the version of Latchkey that wrote it, or a newer one',
  )
})
