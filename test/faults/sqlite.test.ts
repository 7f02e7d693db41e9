import {
  closeSync,
  copyFileSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { open } from '../../src/node/server.ts'
import { canCage, canLimit, fill, limitFiles, seenBy } from '../support/cage.ts'
import { tokensOf } from '../support/client.ts'
import { runCli, type ServerProcess, startServer } from '../support/process.ts'
import {
  deviceNew,
  seedKey,
  type TokenAnswer,
  temporaryFolder,
  testLog,
} from '../support/server.ts'

const LATCHKEY_URL = 'https://latchkey.example'

/** A data folder with a key, and tokens of it. */
async function seeded(dir: string) {
  const config = readConfig({ LATCHKEY_DATA: dir })
  const seeds = await open(config, { publicUrl: LATCHKEY_URL, log: testLog() })
  const key = await seedKey(seeds)
  await seeds.storage.close()
  return key
}

const send = (server: ServerProcess, path: string, body: object, headers = {}) =>
  fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body), headers })

type Key = Awaited<ReturnType<typeof seeded>>

async function tokensFor(server: ServerProcess, { apiKey, secret }: Key): Promise<TokenAnswer> {
  const answer = await send(server, '/auth/authenticate', { apiKey, secret })
  return tokensOf({ status: answer.status, body: await answer.text() })
}

const refresh = (server: ServerProcess, { apiKey }: Key, refreshToken: string) =>
  send(server, '/auth/refreshToken', { apiKey, refreshToken })

const endpoint = (server: ServerProcess, { destinationId }: Key, { accessToken }: TokenAnswer) =>
  send(server, '/endpoint', deviceNew(destinationId), { Authorization: `Bearer ${accessToken}` })

/** What writes is told to come back, in its dialect's words; what only reads is answered. */
async function expectNoWrites(server: ServerProcess, key: Key, tokens: TokenAnswer) {
  const answers = [
    await refresh(server, key, tokens.refreshToken),
    await endpoint(server, key, tokens),
    await fetch(`${server.url}/ready`),
  ]
  const told = answers.map(({ status, headers }) => [status, headers.get('Retry-After')])
  expect(told).toEqual([
    [503, '5'],
    [503, '5'],
    [503, '5'],
  ])
  expect(await answers[1]?.json()).toMatchObject({ Meta: { Errors: [{ Module: 'Send' }] } })
  const { apiKey, secret } = key
  expect((await send(server, '/auth/authenticate', { apiKey, secret })).status).toBe(200)
  expect((await fetch(`${server.url}/health`)).status).toBe(200)
}

/** Nothing was half written: the token of before is still the newest, and rotates once. */
async function expectRecovery(server: ServerProcess, key: Key, tokens: TokenAnswer) {
  expect((await fetch(`${server.url}/ready`)).status).toBe(200)
  const answer = await refresh(server, key, tokens.refreshToken)
  const next = tokensOf({ status: answer.status, body: await answer.text() })
  const claims = JSON.parse(atob(next.accessToken.split('.')[1] ?? '')) as { gen: number }
  expect(claims.gen).toBe(1)
  expect((await endpoint(server, key, next)).status).toBe(200)
}

describe('a database that takes no write while the server runs', () => {
  const dir = temporaryFolder()
  let key: Key
  let server: ServerProcess
  beforeAll(async () => {
    key = await seeded(dir)
    server = await startServer(dir, { LATCHKEY_URL })
  })
  afterAll(async () => {
    await server.stop()
    rmSync(dir, { recursive: true })
  })

  test.skipIf(!canLimit)(
    'because the disk fails: 503, and as soon as it does not, 200',
    async () => {
      const tokens = await tokensFor(server, key)
      limitFiles(server, statSync(join(dir, 'latchkey.db-wal')).size)
      await expectNoWrites(server, key, tokens)
      limitFiles(server, undefined)
      await expectRecovery(server, key, tokens)
      expect(server.output()).toContain('SQLITE_IOERR')
    },
  )

  test('because another process holds it locked: it reads on, waits, and then writes', async () => {
    const tokens = await tokensFor(server, key)
    const other = new Database(join(dir, 'latchkey.db'))
    other.exec('BEGIN IMMEDIATE')
    const waiting = refresh(server, key, tokens.refreshToken)
    // Answered meanwhile, one after the other: nobody waits for the writer but who writes.
    for (let n = 0; n < 50; n++) await tokensFor(server, key)
    other.exec('ROLLBACK')
    other.close()
    expect((await waiting).status).toBe(200)
  })

  test('because another process holds it for ever: 503, and 200 when it is gone', async () => {
    const tokens = await tokensFor(server, key)
    const other = new Database(join(dir, 'latchkey.db'))
    other.exec('BEGIN IMMEDIATE')
    const [refused] = await Promise.all([
      refresh(server, key, tokens.refreshToken),
      fetch(`${server.url}/ready`),
    ])
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '5'])
    other.close()
    await expectRecovery(server, key, tokens)
  })
})

test.skipIf(!canCage)(
  'a full disk: 503 until there is room again, and nothing half written',
  async () => {
    const dir = temporaryFolder()
    const key = await seeded(dir)
    const small = temporaryFolder()
    const mount = `mount -t tmpfs -o size=4m none ${small} && cp -p ${dir}/* ${small} && exec "$@"`
    const cage = ['unshare', '-rm', 'sh', '-c', mount, 'sh']
    const server = await startServer(small, { LATCHKEY_URL }, [], cage)
    try {
      const tokens = await tokensFor(server, key)
      const filler = fill(seenBy(server, small))
      await expectNoWrites(server, key, tokens)
      rmSync(filler)
      await expectRecovery(server, key, tokens)
      expect(server.output()).toContain('SQLITE_FULL')
    } finally {
      await server.stop()
    }
  },
)

describe('a server is not started', () => {
  const start = async (dir: string, cage: string[] = []) => {
    const { code, stderr } = await runCli(['serve'], { dir, env: { LATCHKEY_PORT: '0' }, cage })
    return [code, stderr]
  }

  test.skipIf(!canCage)('in a data folder that is read-only', async () => {
    const dir = temporaryFolder()
    await seeded(dir)
    const bind = `mount --bind ${dir} ${dir} && mount -o remount,bind,ro ${dir} && exec "$@"`
    expect(await start(dir, ['unshare', '-rm', 'sh', '-c', bind, 'sh'])).toEqual([
      1,
      'the database cannot be opened: latchkey.db in LATCHKEY_DATA must be a file of this user, and the folder writable\n',
    ])
  })

  test('on a damaged database', async () => {
    const dir = temporaryFolder()
    await seeded(dir)
    const path = join(dir, 'latchkey.db')
    copyFileSync(path, `${path}.sound`)
    const restore = 'restore it from a backup\n'

    truncateSync(path, statSync(path).size / 2)
    expect(await start(dir)).toEqual([1, `the database is damaged: ${restore}`])

    copyFileSync(`${path}.sound`, path)
    overwrite(path, 4096 * 2)
    expect(await start(dir)).toEqual([1, `the database is damaged: ${restore}`])

    overwrite(path, 0)
    expect(await start(dir)).toEqual([
      1,
      `latchkey.db in LATCHKEY_DATA is not a database: ${restore}`,
    ])
  })
})

function overwrite(path: string, at: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, at)
  closeSync(file)
}
