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
import {
  canCage,
  canFreeze,
  canLimit,
  fill,
  freeze,
  limitFiles,
  seenBy,
  thaw,
} from '../support/cage.ts'
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

const endpoint = (
  server: ServerProcess,
  { destinationId }: Key,
  { accessToken }: TokenAnswer,
  more: object = {},
) =>
  send(
    server,
    '/endpoint',
    { ...deviceNew(destinationId), ...more },
    { Authorization: `Bearer ${accessToken}` },
  )

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

  test.skipIf(!canLimit)(
    'because it has room for small writes alone: 503 at /ready too, until a message fits again',
    async () => {
      const tokens = await tokensFor(server, key)
      const ready = async () => (await fetch(`${server.url}/ready`)).status
      const send = (length: number) =>
        endpoint(server, key, tokens, { Notes: ['x'.repeat(length)] }).then(({ status }) => status)
      limitFiles(server, statSync(join(dir, 'latchkey.db-wal')).size + 200_000)
      expect([await ready(), await send(10)]).toEqual([200, 200])
      expect(await send(500_000)).toBe(503)
      expect(await ready()).toBe(503)
      expect(await ready()).toBe(503)
      limitFiles(server, undefined)
      expect([await ready(), await send(500_000)]).toEqual([200, 200])
    },
  )

  test.skipIf(!canFreeze)(
    'because its files and its folder became read-only: 503, and as soon as they are not, 200',
    async () => {
      const tokens = await tokensFor(server, key)
      const frozen = [join(dir, 'latchkey.db'), join(dir, 'latchkey.db-wal'), dir]
      freeze(...frozen)
      try {
        await expectNoWrites(server, key, tokens)
      } finally {
        thaw(...frozen)
      }
      await expectRecovery(server, key, tokens)
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

describe('a database that is damaged while the server runs', () => {
  const damaged = 'the database is damaged'
  const all = (path: string) => statSync(path).size

  test.each<[string, string, (path: string) => [at: number, bytes: number]]>([
    ['in all its pages but the first', damaged, (path) => [PAGE, all(path) - PAGE]],
    ['in one of its tables', damaged, (path) => [pageOf(path, 'grants'), PAGE]],
    ['from its first byte on', 'the file is not a database', (path) => [0, all(path)]],
  ])('%s: 503 until it is restored, and nothing is lost', async (_, sentence, where) => {
    const dir = temporaryFolder()
    const path = join(dir, 'latchkey.db')
    const backup = join(dir, 'backup.db')
    const key = await seeded(dir)
    const server = await startServer(dir, { LATCHKEY_URL })
    const tokens = await tokensFor(server, key)
    expect((await endpoint(server, key, tokens)).status).toBe(200)
    expect((await runCli(['backup', backup], { dir })).code).toBe(0)

    forgetPages(path)
    overwrite(path, ...where(path))
    expect((await refresh(server, key, tokens.refreshToken)).status).toBe(503)
    await expectNothing(server, key, tokens)
    expect(server.output()).toContain(`${sentence}: stop the server and restore it from a backup`)
    // Sound again beneath it: what it has in memory may still be of the damage.
    copyFileSync(backup, path)
    await expectNothing(server, key, tokens)

    await server.stop()
    expect((await runCli(['restore', '--force', backup], { dir })).code).toBe(0)
    const restored = await startServer(dir, { LATCHKEY_URL })
    await expectRecovery(restored, key, tokens)
    const { stdout } = await runCli(['messages', 'list', '--json'], { dir })
    expect(JSON.parse(stdout)).toHaveLength(2)
    await restored.stop()
    rmSync(dir, { recursive: true })
  })

  /** Where a table begins in the file. */
  function pageOf(path: string, table: string): number {
    const other = new Database(path, { readonly: true })
    const root = other.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').pluck()
    const page = root.get(table) as number
    other.close()
    return (page - 1) * PAGE
  }

  /** Another process's commit makes every other read the file anew; all of it is in the file. */
  function forgetPages(path: string): void {
    const other = new Database(path)
    other.exec('UPDATE authority SET version = version + 1')
    other.pragma('wal_checkpoint(TRUNCATE)')
    other.close()
  }

  /** Whoever wants anything of the database is told to come back. */
  async function expectNothing(server: ServerProcess, key: Key, tokens: TokenAnswer) {
    const { apiKey, secret } = key
    const answers = await Promise.all([
      send(server, '/auth/authenticate', { apiKey, secret }),
      refresh(server, key, tokens.refreshToken),
      endpoint(server, key, tokens),
    ])
    answers.push(await fetch(`${server.url}/ready`))
    const told = answers.map(({ status, headers }) => [status, headers.get('Retry-After')])
    expect(told).toEqual(answers.map(() => [503, '5']))
    expect(await answers[2]?.json()).toMatchObject({ Meta: { Errors: [{ Module: 'Send' }] } })
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
  }
})

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
    overwrite(path, PAGE * 2)
    expect(await start(dir)).toEqual([1, `the database is damaged: ${restore}`])

    overwrite(path, 0)
    expect(await start(dir)).toEqual([
      1,
      `latchkey.db in LATCHKEY_DATA is not a database: ${restore}`,
    ])
  })
})

const PAGE = 4096

function overwrite(path: string, at: number, bytes = PAGE): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(bytes, 0x5a), 0, bytes, at)
  closeSync(file)
}
