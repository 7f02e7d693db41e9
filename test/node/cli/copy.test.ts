import {
  copyFileSync,
  createReadStream,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BenchVendor } from '../../../bench/seed.ts'
import { createSha256 } from '../../../src/node/cli/copy.ts'
import { openSqlite } from '../../../src/node/sqlite/engine.ts'
import { type CopiedTable, copyDatabase, isCopyEqual } from '../../../src/storage/database-copy.ts'
import { runJson, runJsonList } from '../../support/cli/commands.ts'
import {
  executeSql,
  removeFolders,
  type SeededStaticKeys,
  seedDataFolder,
  seedStaticKeys,
} from '../../support/database/data-folder.ts'
import { type PostgresServer, startPostgres } from '../../support/database/postgres.ts'
import { runCli, startServerProcess } from '../../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  type TokenResponse,
} from '../../support/server.ts'
import { createVendorClient, parseTokenResponse } from '../../support/vendor-clients.ts'

/** LATCHKEY_TEST_COPY_KEYS=100000 makes the move a large one. */
const KEYS = Number(process.env.LATCHKEY_TEST_COPY_KEYS ?? 2000)
const MOVE_MS = 1_200_000 + KEYS * 5
const LATCHKEY_URL = 'https://latchkey.example'

let dir: string
let url: string
let vendors: BenchVendor[]
let staticKeys: SeededStaticKeys
/** Those that are exchanged, and those that are presented. */
let allKeys: number
/** Each vendor's current tokens when the servers are stopped for the copy. */
const held: TokenResponse[] = []
let postgres: PostgresServer
beforeAll(async () => {
  ;[{ dir, url, vendors }, postgres] = await Promise.all([seedDataFolder(KEYS), startPostgres()])
  staticKeys = await seedStaticKeys(dir)
  allKeys = KEYS + (staticKeys.rows.keys ?? 0)
  const server = await startServerProcess(dir, { LATCHKEY_URL })
  const client = createVendorClient(server.url)
  for (const { apiKey, secret, sourceId, destinationId } of vendors) {
    const first = parseTokenResponse(await client.authenticate(apiKey, secret))
    const tokens = parseTokenResponse(await client.refresh(apiKey, first.refreshToken))
    const message = createDeviceNewMessage(destinationId, { Source: { ID: sourceId } })
    expect((await client.endpoint(tokens.accessToken, message)).status).toBe(200)
    held.push(tokens)
  }
  await server.stop()
}, MOVE_MS)
afterAll(async () => {
  await postgres.stop()
  removeFolders(dir)
})

const runCopy = (from: string, to: string) =>
  runJsonList<CopiedTable>(dir, ['copy', '--from', from, '--to', to])
const expectCopyError = async (from: string, to: string) => {
  const { code, stderr } = await runCli(['copy', '--from', from, '--to', to], { dir })
  expect(code).not.toBe(0)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  return stderr.trimEnd()
}
const createTargetPath = () => join(createTempFolder(), 'copy.db')
const listDigests = (copied: readonly CopiedTable[]) =>
  copied.map(({ table, target }) => [table, target])
const countRows = (copied: readonly CopiedTable[]) =>
  Object.fromEntries(copied.map(({ table, target }) => [table, target.rows]))

test(
  'a database moves to PostgreSQL and back: equal digests, and old tokens and secrets work there',
  async () => {
    const there = await postgres.createDatabase()
    const back = createTargetPath()
    const copied = await runCopy(url, there)
    expect(copied.every(isCopyEqual)).toBe(true)
    expect(countRows(copied)).toMatchObject({
      ...staticKeys.rows,
      users: KEYS + 1,
      keys: allKeys,
      key_uses: (staticKeys.rows.key_uses ?? 0) + vendors.length,
      sources: KEYS,
      subscriptions: KEYS,
      grants: vendors.length,
      messages: vendors.length,
      deliveries: vendors.length,
    })
    const returned = await runCopy(there, `sqlite:${back}`)
    expect(listDigests(returned)).toEqual(listDigests(copied))
    expect(statSync(back).mode & 0o777).toBe(0o600)

    for (const database of [there, `sqlite:${back}`]) {
      // The same key ring: it is the folder's.
      const server = await startServerProcess(dir, { LATCHKEY_URL, LATCHKEY_DATABASE: database })
      const client = createVendorClient(server.url)
      for (const [n, vendor] of vendors.entries()) {
        const message = createDeviceNewMessage(vendor.destinationId, {
          Source: { ID: vendor.sourceId },
        })
        const { accessToken = '', refreshToken = '' } = held[n] ?? {}
        expect((await client.endpoint(accessToken, message)).status).toBe(200)
        const next = parseTokenResponse(await client.refresh(vendor.apiKey, refreshToken))
        expect((await client.endpoint(next.accessToken, message)).status).toBe(200)
        parseTokenResponse(await client.authenticate(vendor.apiKey, vendor.secret))
      }
      const [vendor] = vendors
      expect((await client.authenticate(vendor?.apiKey ?? '', 'wrong')).status).toBe(401)
      const { keyId, secret } = staticKeys.xdent
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

test('a copy that was interrupted is continued, and ends complete', async () => {
  const path = createTargetPath()
  const source = openSqlite(join(dir, 'latchkey.db'))
  const target = openSqlite(path)
  const cut: typeof target = {
    sql: target.sql,
    read: (step) => target.read(step),
    scan: (step) => target.scan(step),
    close: () => target.close(),
    atomic: (steps) => {
      const hasKeys = steps.some(({ sql }) => /^insert into "?keys"? /i.test(sql))
      return hasKeys ? Promise.reject(new Error('power cut')) : target.atomic(steps)
    },
  }
  const watch = { createHash: createSha256, progress: () => undefined }
  await expect(copyDatabase(source, cut, watch)).rejects.toThrow('power cut')
  await source.close()
  await target.close()

  const rest = await runCopy(url, `sqlite:${path}`)
  expect(rest.every(isCopyEqual)).toBe(true)
  const written = Object.fromEntries(rest.map((table) => [table.table, table.written]))
  expect(written).toMatchObject({ accounts: 0, users: 0, keys: allKeys })
  // And once more: nothing is left to do.
  const secondCopy = await runCopy(url, `sqlite:${path}`)
  expect(secondCopy.every((table) => table.written === 0 && isCopyEqual(table))).toBe(true)
})

describe('a difference', () => {
  test('of one column of one row is found, and the table named', async () => {
    const path = createTargetPath()
    await runCopy(url, `sqlite:${path}`)
    const one = 'WHERE id = (SELECT id FROM keys ORDER BY id LIMIT 1 OFFSET 700)'
    executeSql(path, `UPDATE keys SET expires_at = 1 ${one}`)
    expect(await expectCopyError(url, `sqlite:${path}`)).toBe(
      `the databases differ: keys (${allKeys} rows in the source, ${allKeys} in the target). The source or the ` +
        'target was changed after the copy. Stop all servers and copy into an empty database',
    )
    executeSql(path, 'DELETE FROM deliveries WHERE id = (SELECT min(id) FROM deliveries)')
    const { code, stdout, stderr } = await runCli(
      ['copy', '--from', url, '--to', `sqlite:${path}`, '--json'],
      { dir },
    )
    expect(code).toBe(1)
    const different = (JSON.parse(stdout) as { items: CopiedTable[] }).items.filter(
      (table) => !isCopyEqual(table),
    )
    expect(different.map(({ table }) => table)).toEqual(['keys', 'deliveries'])
    expect(stderr).toContain('"the databases differ: keys (')
  })

  test('that leaves a reference without its row is reported in a sentence', async () => {
    const path = createTargetPath()
    await runCopy(url, `sqlite:${path}`)
    const one = '(SELECT source_id FROM keys ORDER BY id LIMIT 1 OFFSET 700)'
    executeSql(
      path,
      `PRAGMA foreign_keys = OFF; DELETE FROM subscriptions WHERE source_id = ${one};
       DELETE FROM sources WHERE id = ${one}; DELETE FROM keys`,
    )
    expect(await expectCopyError(url, `sqlite:${path}`)).toContain(
      'a row refers to a row that the target does not have',
    )
  })

  test('of a target that is another database is refused before anything is written', async () => {
    const other = createTempFolder()
    await runJson(other, ['accounts', 'create', '--name', 'Somebody else'])
    const path = join(other, 'latchkey.db')
    const before = readFileSync(path)
    expect(await expectCopyError(url, `sqlite:${path}`)).toBe(
      'the target is neither empty nor a part of this source: its table accounts holds other rows. ' +
        'Copy into an empty database',
    )
    expect(readFileSync(path)).toEqual(before)
  })
})

test('what cannot be copied is refused with a sentence', async () => {
  const none = join(createTempFolder(), 'none.db')
  expect(await expectCopyError(`sqlite:${none}`, `sqlite:${createTargetPath()}`)).toBe(
    `there is no Latchkey database in sqlite:${none}`,
  )
  const text = createTargetPath()
  writeFileSync(text, 'hello '.repeat(100))
  expect(await expectCopyError(`sqlite:${text}`, `sqlite:${createTargetPath()}`)).toBe(
    `${text} is not a database: name another file, or restore it from a backup`,
  )
  const folder = createTempFolder()
  expect(await expectCopyError(`sqlite:${folder}`, `sqlite:${createTargetPath()}`)).toBe(
    `${folder} cannot be read: check that it is a file, and its disk`,
  )
  const older = createTargetPath()
  copyFileSync(join(dir, 'latchkey.db'), older)
  executeSql(older, 'UPDATE schema_version SET version = 9')
  expect(await expectCopyError(`sqlite:${older}`, `sqlite:${createTargetPath()}`)).toContain(
    'has schema version 9',
  )
  expect(await expectCopyError(url, url)).toBe('--from and --to are the same database')
  expect(await expectCopyError('mysql://x', url)).toContain('It must be sqlite:PATH or postgres://')
  expect(await expectCopyError(url, 'postgres://somebody:hunter2@127.0.0.1:1/db')).not.toContain(
    'hunter2',
  )
})

test('a D1 import is SQL in small statements that make an equal database', async () => {
  const source = createTargetPath()
  await runCopy(url, `sqlite:${source}`)
  // A payload of 900 kB, quotes, line ends, and characters of two UTF-16 units at every border.
  const payload = `${'🏥'.repeat(100_000)}${"it's\n".repeat(100_000)}`
  const db = new Database(source)
  db.prepare(
    'UPDATE messages SET sealed_payload = ? WHERE id = (SELECT min(id) FROM messages)',
  ).run(payload)
  db.prepare('UPDATE accounts SET name = ?').run('x\'); DROP TABLE keys; --\r\n\t"é')
  db.close()

  const file = join(createTempFolder(), 'import.sql')
  const copied = await runCopy(`sqlite:${source}`, `d1-import:${file}`)
  expect(copied.every(isCopyEqual)).toBe(true)
  expect(readdirSync(join(file, '..'))).toEqual(['import.sql'])

  const d1 = new Database(':memory:')
  d1.exec(readFileSync(new URL('../../../schema.sql', import.meta.url), 'utf8'))
  for await (const line of createInterface({ input: createReadStream(file) })) {
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(100_000)
    d1.exec(line)
  }
  const written = d1.prepare('SELECT sealed_payload FROM messages ORDER BY id LIMIT 1')
  expect(written.pluck().get() === payload).toBe(true)
  expect(d1.prepare('SELECT count(*) FROM keys').pluck().get()).toBe(allKeys)
  d1.close()

  executeSql(
    source,
    'UPDATE messages SET sealed_payload = sealed_payload || sealed_payload || sealed_payload',
  )
  expect(await expectCopyError(`sqlite:${source}`, `d1-import:${file}`)).toMatch(
    /^D1 holds no row above 2,000,000 bytes: that of messages where id = '[0-9a-f-]+' has \d+$/,
  )
})
