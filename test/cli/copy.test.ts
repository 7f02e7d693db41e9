import { copyFileSync, createReadStream, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Vendor } from '../../bench/seed.ts'
import { newHash } from '../../src/node/moving/hash.ts'
import { openSqlite } from '../../src/node/sqlite.ts'
import { type Copied, copyRows, isEqual } from '../../src/storage/moving/copy.ts'
import { type PostgresServer, startPostgres } from '../../support/postgres/server.ts'
import { clientOf, tokensOf } from '../support/client.ts'
import { change, remove, seededFolder } from '../support/moving.ts'
import { type Presented, seedPresented } from '../support/presented.ts'
import { runCli, startServer } from '../support/process.ts'
import { deviceNew, type TokenAnswer, temporaryFolder } from '../support/server.ts'
import { ask } from './command.ts'

/** LATCHKEY_TEST_COPY_KEYS=100000 makes the move a large one. */
const KEYS = Number(process.env.LATCHKEY_TEST_COPY_KEYS ?? 2000)
const MOVE_MS = 1_200_000 + KEYS * 5
const LATCHKEY_URL = 'https://latchkey.example'

let dir: string
let url: string
let vendors: Vendor[]
let presented: Presented
/** Those that are exchanged, and those that are presented. */
let allKeys: number
/** What each vendor holds when the servers are stopped for the move. */
const held: TokenAnswer[] = []
let postgres: PostgresServer
beforeAll(async () => {
  ;[{ dir, url, vendors }, postgres] = await Promise.all([seededFolder(KEYS), startPostgres()])
  presented = await seedPresented(dir)
  allKeys = KEYS + (presented.rows.keys ?? 0)
  const server = await startServer(dir, { LATCHKEY_URL })
  const client = clientOf(server.url)
  for (const { apiKey, secret, sourceId, destinationId } of vendors) {
    const first = tokensOf(await client.authenticate(apiKey, secret))
    const tokens = tokensOf(await client.refresh(apiKey, first.refreshToken))
    const message = deviceNew(destinationId, { Source: { ID: sourceId } })
    expect((await client.endpoint(tokens.accessToken, message)).status).toBe(200)
    held.push(tokens)
  }
  await server.stop()
}, MOVE_MS)
afterAll(async () => {
  await postgres.stop()
  remove(dir)
})

const copy = (from: string, to: string) => ask<Copied[]>(dir, ['copy', '--from', from, '--to', to])
const refused = async (from: string, to: string) => {
  const { code, stderr } = await runCli(['copy', '--from', from, '--to', to], { dir })
  expect(code).not.toBe(0)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  return stderr.trimEnd()
}
const newFile = () => join(temporaryFolder(), 'copy.db')
const digests = (copied: readonly Copied[]) => copied.map(({ table, target }) => [table, target])
const rowsOf = (copied: readonly Copied[]) =>
  Object.fromEntries(copied.map(({ table, target }) => [table, target.rows]))

test(
  'a database moves to PostgreSQL and back: equal digests, and old tokens and secrets work there',
  async () => {
    const there = await postgres.createDatabase()
    const back = newFile()
    const copied = await copy(url, there)
    expect(copied.every(isEqual)).toBe(true)
    expect(rowsOf(copied)).toMatchObject({
      ...presented.rows,
      users: KEYS + 1,
      keys: allKeys,
      key_uses: (presented.rows.key_uses ?? 0) + vendors.length,
      sources: KEYS,
      subscriptions: KEYS,
      grants: vendors.length,
      messages: vendors.length,
      deliveries: vendors.length,
    })
    const returned = await copy(there, `sqlite:${back}`)
    expect(digests(returned)).toEqual(digests(copied))
    expect(statSync(back).mode & 0o777).toBe(0o600)

    for (const database of [there, `sqlite:${back}`]) {
      // The same key ring: it is the folder's.
      const server = await startServer(dir, { LATCHKEY_URL, LATCHKEY_DATABASE: database })
      const client = clientOf(server.url)
      for (const [n, vendor] of vendors.entries()) {
        const message = deviceNew(vendor.destinationId, { Source: { ID: vendor.sourceId } })
        const { accessToken = '', refreshToken = '' } = held[n] ?? {}
        expect((await client.endpoint(accessToken, message)).status).toBe(200)
        const next = tokensOf(await client.refresh(vendor.apiKey, refreshToken))
        expect((await client.endpoint(next.accessToken, message)).status).toBe(200)
        tokensOf(await client.authenticate(vendor.apiKey, vendor.secret))
      }
      const [vendor] = vendors
      expect((await client.authenticate(vendor?.apiKey ?? '', 'wrong')).status).toBe(401)
      const { keyId, secret } = presented.xdent
      for (const [tried, status] of [
        [secret, 200],
        [`${secret}x`, 401],
      ] as const) {
        const headers = { 'X-Api-Key': `${keyId}.${tried}` }
        expect((await fetch(`${server.url}/api/v1/Identity`, { headers })).status).toBe(status)
      }
      expect(await server.stop()).toBe(0)
    }
  },
  MOVE_MS,
)

test('a copy that was interrupted is gone on with, and ends as a whole one', async () => {
  const path = newFile()
  const source = openSqlite(join(dir, 'latchkey.db'))
  const target = openSqlite(path)
  const cut = {
    ...target,
    atomic: (steps: Parameters<typeof target.atomic>[0]) => {
      const hasKeys = steps.some(({ sql }) => /^insert into "?keys"? /i.test(sql))
      return hasKeys ? Promise.reject(new Error('power cut')) : target.atomic(steps)
    },
  }
  const watch = { newHash, progress: () => undefined }
  await expect(copyRows(source, cut, watch)).rejects.toThrow('power cut')
  await source.close()
  await target.close()

  const rest = await copy(url, `sqlite:${path}`)
  expect(rest.every(isEqual)).toBe(true)
  const written = Object.fromEntries(rest.map((table) => [table.table, table.written]))
  expect(written).toMatchObject({ accounts: 0, users: 0, keys: allKeys })
  // And once more: nothing is left to do.
  const again = await copy(url, `sqlite:${path}`)
  expect(again.every((table) => table.written === 0 && isEqual(table))).toBe(true)
})

describe('a difference', () => {
  test('of one column of one row is found, and the table named', async () => {
    const path = newFile()
    await copy(url, `sqlite:${path}`)
    const one = 'WHERE id = (SELECT id FROM keys ORDER BY id LIMIT 1 OFFSET 700)'
    change(path, `UPDATE keys SET expires_at = 1 ${one}`)
    expect(await refused(url, `sqlite:${path}`)).toBe(
      `different: keys (${allKeys} rows in the source, ${allKeys} in the target). The source was changed ` +
        'after it was copied, or the target was: stop all servers and copy into an empty database',
    )
    change(path, 'DELETE FROM deliveries WHERE id = (SELECT min(id) FROM deliveries)')
    const { code, stdout, stderr } = await runCli(
      ['copy', '--from', url, '--to', `sqlite:${path}`, '--json'],
      { dir },
    )
    expect(code).toBe(1)
    const different = (JSON.parse(stdout) as Copied[]).filter((table) => !isEqual(table))
    expect(different.map(({ table }) => table)).toEqual(['keys', 'deliveries'])
    expect(stderr).toContain('"different: keys (')
  })

  test('that leaves a row without what it refers to is told in a sentence', async () => {
    const path = newFile()
    await copy(url, `sqlite:${path}`)
    const one = '(SELECT source_id FROM keys ORDER BY id LIMIT 1 OFFSET 700)'
    change(
      path,
      `PRAGMA foreign_keys = OFF; DELETE FROM subscriptions WHERE source_id = ${one};
       DELETE FROM sources WHERE id = ${one}; DELETE FROM keys`,
    )
    expect(await refused(url, `sqlite:${path}`)).toContain(
      'a row does not fit the others in the target: the source was changed while it was copied',
    )
  })

  test('of a target that is another database is refused before anything is written', async () => {
    const other = temporaryFolder()
    await ask(other, ['accounts', 'create', 'Somebody else'])
    const path = join(other, 'latchkey.db')
    const before = readFileSync(path)
    expect(await refused(url, `sqlite:${path}`)).toBe(
      'the target is neither empty nor a part of this source: its table accounts holds other rows. ' +
        'Copy into an empty database',
    )
    expect(readFileSync(path)).toEqual(before)
  })
})

test('what cannot be copied is refused with a sentence', async () => {
  const none = join(temporaryFolder(), 'none.db')
  expect(await refused(`sqlite:${none}`, `sqlite:${newFile()}`)).toBe(
    `there is no Latchkey in sqlite:${none}`,
  )
  const older = newFile()
  copyFileSync(join(dir, 'latchkey.db'), older)
  change(older, 'UPDATE schema_version SET version = 9')
  expect(await refused(`sqlite:${older}`, `sqlite:${newFile()}`)).toContain('has schema version 9')
  expect(await refused(url, url)).toBe('--from and --to are the same database')
  expect(await refused('mysql://x', url)).toContain('It must be sqlite:PATH or postgres://')
  expect(await refused(url, 'postgres://somebody:hunter2@127.0.0.1:1/db')).not.toContain('hunter2')
})

test('a D1 import is SQL in small statements that make an equal database', async () => {
  const source = newFile()
  await copy(url, `sqlite:${source}`)
  // A payload of 900 kB, quotes, line ends, and characters of two UTF-16 units at every border.
  const payload = `${'🏥'.repeat(100_000)}${"it's\n".repeat(100_000)}`
  const db = new Database(source)
  db.prepare(
    'UPDATE messages SET sealed_payload = ? WHERE id = (SELECT min(id) FROM messages)',
  ).run(payload)
  db.prepare('UPDATE accounts SET name = ?').run('x\'); DROP TABLE keys; --\r\n\t"é')
  db.close()

  const file = join(temporaryFolder(), 'import.sql')
  const copied = await copy(`sqlite:${source}`, `d1-import:${file}`)
  expect(copied.every(isEqual)).toBe(true)
  expect(readdirSync(join(file, '..'))).toEqual(['import.sql'])

  const d1 = new Database(':memory:')
  d1.exec(readFileSync(new URL('../../schema.sql', import.meta.url), 'utf8'))
  for await (const line of createInterface({ input: createReadStream(file) })) {
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(100_000)
    d1.exec(line)
  }
  const written = d1.prepare('SELECT sealed_payload FROM messages ORDER BY id LIMIT 1')
  expect(written.pluck().get() === payload).toBe(true)
  expect(d1.prepare('SELECT count(*) FROM keys').pluck().get()).toBe(allKeys)
  d1.close()

  change(
    source,
    'UPDATE messages SET sealed_payload = sealed_payload || sealed_payload || sealed_payload',
  )
  expect(await refused(`sqlite:${source}`, `d1-import:${file}`)).toMatch(
    /^D1 holds no row above 2,000,000 bytes: that of messages where id = '[0-9a-f-]+' has \d+$/,
  )
})
