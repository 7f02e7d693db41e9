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
import { openLatchkey } from '../../src/node/open-latchkey.ts'
import {
  canLimitFileSize,
  canSetImmutable,
  canUnshareMounts,
  createDiskFolder,
  fillDisk,
  limitFileSize,
  makeImmutable,
  makeMutable,
  toMountPath,
} from '../support/disk-faults.ts'
import { runCli, type ServerProcess, startServerProcess } from '../support/process.ts'
import {
  createDeviceNewMessage,
  createTestLog,
  seedKey,
  type TokenResponse,
} from '../support/server.ts'
import { decodeAccessToken } from '../support/tokens.ts'
import { parseTokenResponse } from '../support/vendor-clients.ts'

const LATCHKEY_URL = 'https://latchkey.example'

/** A data folder with a key, and tokens of it. */
async function seedFolder(dir: string) {
  const config = readConfig({ LATCHKEY_DATA: dir })
  const seeds = await openLatchkey(config, { publicUrl: LATCHKEY_URL, log: createTestLog() })
  const key = await seedKey(seeds)
  await seeds.storage.close()
  return key
}

const send = (server: ServerProcess, path: string, body: object, headers = {}) =>
  fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body), headers })

type Key = Awaited<ReturnType<typeof seedFolder>>

async function issueTokens(server: ServerProcess, { apiKey, secret }: Key): Promise<TokenResponse> {
  const answer = await send(server, '/auth/authenticate', { apiKey, secret })
  return parseTokenResponse({ status: answer.status, body: await answer.text() })
}

const refresh = (server: ServerProcess, { apiKey }: Key, refreshToken: string) =>
  send(server, '/auth/refreshToken', { apiKey, refreshToken })

const postMessage = (
  server: ServerProcess,
  { destinationId }: Key,
  { accessToken }: TokenResponse,
  more: object = {},
) =>
  send(
    server,
    '/endpoint',
    { ...createDeviceNewMessage(destinationId), ...more },
    { Authorization: `Bearer ${accessToken}` },
  )

/** Writes are answered with 503 and Retry-After in the key type's format; reads still succeed. */
async function expectNoWrites(server: ServerProcess, key: Key, tokens: TokenResponse) {
  const answers = [
    await refresh(server, key, tokens.refreshToken),
    await postMessage(server, key, tokens),
    await fetch(`${server.url}/ready`),
  ]
  const statusesAndRetries = answers.map(({ status, headers }) => [
    status,
    headers.get('Retry-After'),
  ])
  expect(statusesAndRetries).toEqual([
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
async function expectRecovery(server: ServerProcess, key: Key, tokens: TokenResponse) {
  expect((await fetch(`${server.url}/ready`)).status).toBe(200)
  const answer = await refresh(server, key, tokens.refreshToken)
  const next = parseTokenResponse({ status: answer.status, body: await answer.text() })
  expect(decodeAccessToken(next).generation).toBe(1)
  expect((await postMessage(server, key, next)).status).toBe(200)
}

describe('a database that takes no write while the server runs', () => {
  const dir = createDiskFolder()
  let key: Key
  let server: ServerProcess
  beforeAll(async () => {
    key = await seedFolder(dir)
    server = await startServerProcess(dir, { LATCHKEY_URL })
  })
  afterAll(async () => {
    await server.stop()
    rmSync(dir, { recursive: true })
  })

  test.skipIf(!canLimitFileSize)(
    'because the disk fails: 503, and as soon as it does not, 200',
    async () => {
      const tokens = await issueTokens(server, key)
      limitFileSize(server, statSync(join(dir, 'latchkey.db-wal')).size)
      await expectNoWrites(server, key, tokens)
      limitFileSize(server, undefined)
      await expectRecovery(server, key, tokens)
      expect(server.output()).toContain('SQLITE_IOERR')
    },
  )

  test.skipIf(!canLimitFileSize)(
    'because only small writes fit: 503 at /ready too, until a message fits again',
    async () => {
      const tokens = await issueTokens(server, key)
      const readReadyStatus = async () => (await fetch(`${server.url}/ready`)).status
      const send = (length: number) =>
        postMessage(server, key, tokens, { Notes: ['x'.repeat(length)] }).then(
          ({ status }) => status,
        )
      limitFileSize(server, statSync(join(dir, 'latchkey.db-wal')).size + 200_000)
      expect([await readReadyStatus(), await send(10)]).toEqual([200, 200])
      expect(await send(500_000)).toBe(503)
      expect(await readReadyStatus()).toBe(503)
      expect(await readReadyStatus()).toBe(503)
      limitFileSize(server, undefined)
      expect([await readReadyStatus(), await send(500_000)]).toEqual([200, 200])
    },
  )

  test.skipIf(!canSetImmutable)(
    'because its files and its folder became read-only: 503, and as soon as they are not, 200',
    async () => {
      const tokens = await issueTokens(server, key)
      const frozen = [join(dir, 'latchkey.db'), join(dir, 'latchkey.db-wal'), dir]
      makeImmutable(...frozen)
      try {
        await expectNoWrites(server, key, tokens)
      } finally {
        makeMutable(...frozen)
      }
      await expectRecovery(server, key, tokens)
    },
  )

  test('because another process holds it locked: it reads on, waits, and then writes', async () => {
    const tokens = await issueTokens(server, key)
    const other = new Database(join(dir, 'latchkey.db'))
    other.exec('BEGIN IMMEDIATE')
    const waiting = refresh(server, key, tokens.refreshToken)
    // Exchanges need no write, so they are answered while the refresh waits for the lock.
    for (let n = 0; n < 50; n++) await issueTokens(server, key)
    other.exec('ROLLBACK')
    other.close()
    expect((await waiting).status).toBe(200)
  })

  test('because another process has locked it: 503, and 200 when it is unlocked', async () => {
    const tokens = await issueTokens(server, key)
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

/** Starts a server whose data folder is a disk of this size, with a key. */
async function startOnSmallDisk(megabytes: number) {
  const dir = createDiskFolder()
  const key = await seedFolder(dir)
  const small = createDiskFolder()
  const mount = `mount -t tmpfs -o size=${megabytes}m none ${small} && cp -p ${dir}/* ${small} && exec "$@"`
  const cage = ['unshare', '-rm', 'sh', '-c', mount, 'sh']
  return { key, small, server: await startServerProcess(small, { LATCHKEY_URL }, [], cage) }
}

test.skipIf(!canUnshareMounts)(
  'a full disk: 503 until there is space again, and nothing half written',
  async () => {
    const { key, small, server } = await startOnSmallDisk(4)
    try {
      const tokens = await issueTokens(server, key)
      const filler = fillDisk(toMountPath(server, small))
      await expectNoWrites(server, key, tokens)
      rmSync(filler)
      await expectRecovery(server, key, tokens)
      expect(server.output()).toContain('SQLITE_FULL')
    } finally {
      await server.stop()
    }
  },
)

test.skipIf(!canUnshareMounts)(
  'a disk with space for short messages alone: a long one is refused, and takes none of it',
  async () => {
    const { key, server } = await startOnSmallDisk(48)
    try {
      const tokens = await issueTokens(server, key)
      const sendOfLength = async (length: number) =>
        (await postMessage(server, key, tokens, { Notes: ['x'.repeat(length)] })).status
      const statuses = []
      for (const length of [10, 12_000_000, 12_000_000, 10, 10]) {
        statuses.push(await sendOfLength(length))
      }
      expect(statuses).toEqual([200, 503, 503, 200, 200])
      expect((await fetch(`${server.url}/ready`)).status).toBe(200)
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
    ['in one of its tables', damaged, (path) => [findPage(path, 'grants'), PAGE]],
    // Which of the two SQLite says depends on the page that is read first.
    ['from its first byte on', `(the file is not a database|${damaged})`, (path) => [0, all(path)]],
  ])('%s: 503 until it is restored, and nothing is lost', async (_, sentence, where) => {
    const dir = createDiskFolder()
    const path = join(dir, 'latchkey.db')
    const backup = join(dir, 'backup.db')
    const key = await seedFolder(dir)
    const server = await startServerProcess(dir, { LATCHKEY_URL })
    const tokens = await issueTokens(server, key)
    expect((await postMessage(server, key, tokens)).status).toBe(200)
    expect((await runCli(['backup', backup], { dir })).code).toBe(0)

    dropPageCache(path)
    overwritePage(path, ...where(path))
    expect((await refresh(server, key, tokens.refreshToken)).status).toBe(503)
    await expectNothing(server, key, tokens)
    expect(server.output()).toMatch(
      new RegExp(`${sentence}: stop the server and restore it from a backup`),
    )
    // Sound again beneath it: what it has in memory may still be of the damage.
    copyFileSync(backup, path)
    await expectNothing(server, key, tokens)

    await server.stop()
    expect((await runCli(['restore', '--force', backup], { dir })).code).toBe(0)
    const restored = await startServerProcess(dir, { LATCHKEY_URL })
    await expectRecovery(restored, key, tokens)
    const { stdout } = await runCli(['messages', 'list', '--json'], { dir })
    expect(JSON.parse(stdout).items).toHaveLength(2)
    await restored.stop()
    rmSync(dir, { recursive: true })
  })

  /** Returns the byte offset of the table's root page in the file. */
  function findPage(path: string, table: string): number {
    const other = new Database(path, { readonly: true })
    const root = other.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').pluck()
    const page = root.get(table) as number
    other.close()
    return (page - 1) * PAGE
  }

  /** Another process's commit makes every other read the file anew; all of it is in the file. */
  function dropPageCache(path: string): void {
    const other = new Database(path)
    other.exec('UPDATE authority SET version = version + 1')
    other.pragma('wal_checkpoint(TRUNCATE)')
    other.close()
  }

  /** Expects every request that needs the database to be answered with 503. */
  async function expectNothing(server: ServerProcess, key: Key, tokens: TokenResponse) {
    const { apiKey, secret } = key
    const answers = await Promise.all([
      send(server, '/auth/authenticate', { apiKey, secret }),
      refresh(server, key, tokens.refreshToken),
      postMessage(server, key, tokens),
    ])
    answers.push(await fetch(`${server.url}/ready`))
    const statusesAndRetries = answers.map(({ status, headers }) => [
      status,
      headers.get('Retry-After'),
    ])
    expect(statusesAndRetries).toEqual(answers.map(() => [503, '5']))
    expect(await answers[2]?.json()).toMatchObject({ Meta: { Errors: [{ Module: 'Send' }] } })
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
  }
})

describe('a server is not started', () => {
  const start = async (dir: string, wrapper: string[] = []) => {
    const { code, stderr } = await runCli(['serve'], { dir, env: { LATCHKEY_PORT: '0' }, wrapper })
    return [code, stderr]
  }

  test.skipIf(!canUnshareMounts)('in a data folder that is read-only', async () => {
    const dir = createDiskFolder()
    await seedFolder(dir)
    const bind = `mount --bind ${dir} ${dir} && mount -o remount,bind,ro ${dir} && exec "$@"`
    expect(await start(dir, ['unshare', '-rm', 'sh', '-c', bind, 'sh'])).toEqual([
      1,
      `${dir}/latchkey.db cannot be opened: it must be a file of this user, and its folder writable\n`,
    ])
  })

  test('on a damaged database', async () => {
    const dir = createDiskFolder()
    await seedFolder(dir)
    const path = join(dir, 'latchkey.db')
    copyFileSync(path, `${path}.sound`)
    const restore = 'restore it from a backup\n'

    truncateSync(path, statSync(path).size / 2)
    expect(await start(dir)).toEqual([1, `the database is damaged: ${restore}`])

    copyFileSync(`${path}.sound`, path)
    overwritePage(path, PAGE * 2)
    expect(await start(dir)).toEqual([1, `the database is damaged: ${restore}`])

    overwritePage(path, 0)
    expect(await start(dir)).toEqual([
      1,
      `${path} is not a database: name another file, or ${restore}`,
    ])
  })
})

const PAGE = 4096

function overwritePage(path: string, at: number, bytes = PAGE): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(bytes, 0x5a), 0, bytes, at)
  closeSync(file)
}
