import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { openLatchkey } from '../../../src/node/open-latchkey.ts'
import { isDoctorProblem } from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import {
  POSTGRES_START_TIMEOUT_MS,
  type PostgresServer,
  startPostgres,
} from '../../support/database/postgres.ts'
import { runCli, type ServerProcess, startServerProcess } from '../../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestLog,
  seedKey,
  type TokenResponse,
  unwrap,
} from '../../support/server.ts'
import { decodeAccessToken } from '../../support/tokens.ts'
import {
  createVendorClient,
  parseTokenResponse,
  type VendorClientConnection,
} from '../../support/vendor-clients.ts'

const PLENTY = '1000000000'
const PUBLIC_URL = 'https://latchkey.example'
const dir = createTempFolder()

let postgres: PostgresServer
let settings: Record<string, string>
let servers: ServerProcess[]
let clients: [VendorClientConnection, VendorClientConnection]
let seeds: Awaited<ReturnType<typeof openLatchkey>>
beforeAll(async () => {
  postgres = await startPostgres({ fsync: 'on' })
  settings = {
    LATCHKEY_DATABASE: await postgres.createDatabase(),
    LATCHKEY_DATABASE_CONNECTIONS: '4',
    LATCHKEY_URL: PUBLIC_URL,
    LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
    LATCHKEY_REFRESH_LEEWAY_SECONDS: '0',
  }
  // Both at once, on a database that is empty and without a key ring.
  servers = await Promise.all([
    startServerProcess(dir, settings),
    startServerProcess(dir, settings),
  ])
  clients = [createVendorClient(servers[0]?.url ?? ''), createVendorClient(servers[1]?.url ?? '')]
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  seeds = await openLatchkey(config, { publicUrl: PUBLIC_URL, log: createTestLog() })
}, POSTGRES_START_TIMEOUT_MS)
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()))
  await seeds.storage.close()
  await postgres.stop()
  rmSync(dir, { recursive: true, force: true })
})

const runRemoteCli = (...args: string[]) => runWarmCli(args, { dir, env: settings })

describe('two servers on one PostgreSQL', () => {
  /** A key whose tokens both servers have in their caches. */
  async function holdKey() {
    const key = await seedKey(seeds)
    const first = parseTokenResponse(await clients[0].authenticate(key.apiKey, key.secret))
    const second = parseTokenResponse(await clients[1].refresh(key.apiKey, first.refreshToken))
    const useTokens = (tokens: TokenResponse) =>
      Promise.all(
        clients.map(async (client) => {
          const answer = await client.endpoint(
            tokens.accessToken,
            createDeviceNewMessage(key.destinationId),
          )
          return answer.status
        }),
      )
    expect([await useTokens(first), await useTokens(second)]).toEqual([
      [200, 200],
      [200, 200],
    ])
    return { key, first, second, useTokens }
  }

  test('a key that is revoked by the command line is refused by both at their next request', async () => {
    const { key, first, second, useTokens } = await holdKey()
    expect(await runRemoteCli('keys', 'revoke', key.keyId, '--yes')).toMatchObject({ code: 0 })
    expect([await useTokens(first), await useTokens(second)]).toEqual([
      [401, 401],
      [401, 401],
    ])
    for (const client of clients) {
      expect((await client.refresh(key.apiKey, second.refreshToken)).status).toBe(401)
      expect((await client.authenticate(key.apiKey, key.secret)).status).toBe(401)
    }
  })

  test('under load, no request that begins after a key was revoked is answered', async () => {
    const { key, first, second } = await holdKey()
    let isRevoked = false
    const lateStatuses: number[] = []
    const hammers = Array.from({ length: 16 }, async (_, n) => {
      const [client, tokens] = [clients[n % 2 === 0 ? 0 : 1], n % 3 === 0 ? first : second]
      for (let isLate = false; !isLate; ) {
        isLate = isRevoked
        const answer = await client.endpoint(
          tokens.accessToken,
          createDeviceNewMessage(key.destinationId),
        )
        if (isLate) lateStatuses.push(answer.status)
      }
    })
    unwrap(await seeds.keys.revoke(key.keyId))
    isRevoked = true
    await Promise.all(hammers)
    expect(lateStatuses).toEqual(hammers.map(() => 401))
  })

  test('reuse that one of them sees revokes the grant on the other', async () => {
    const { key, first, second, useTokens } = await holdKey()
    expect((await clients[0].refresh(key.apiKey, first.refreshToken)).status).toBe(401)
    expect(await useTokens(second)).toEqual([401, 401])
    expect((await clients[1].refresh(key.apiKey, second.refreshToken)).status).toBe(401)
  })

  test('20 refreshes of one token through both are one rotation and 20 identical answers', async () => {
    const key = await seedKey(seeds)
    let tokens = parseTokenResponse(await clients[0].authenticate(key.apiKey, key.secret))
    for (let generation = 1; generation <= 5; generation++) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          clients[n % 2 === 0 ? 0 : 1].refresh(key.apiKey, tokens.refreshToken),
        ),
      )
      const [answer] = answers
      if (answer === undefined) throw new Error('there were 20')
      expect(new Set(answers.map(({ body }) => body))).toEqual(new Set([answer.body]))
      tokens = parseTokenResponse(answer)
      const { grantId } = decodeAccessToken(tokens)
      expect(await seeds.storage.findGrant(grantId)).toMatchObject({ generation })
    }
  })

  test('were of one mind about the key ring and the schema, though they started at once', async () => {
    const key = await seedKey(seeds)
    for (const [one, other] of [
      clients,
      [...clients].reverse() as [VendorClientConnection, VendorClientConnection],
    ]) {
      const { accessToken } = parseTokenResponse(await one.authenticate(key.apiKey, key.secret))
      expect(
        (await other.endpoint(accessToken, createDeviceNewMessage(key.destinationId))).status,
      ).toBe(200)
    }
    const url = settings.LATCHKEY_DATABASE ?? ''
    expect(await postgres.query(url, 'SELECT version FROM schema_version')).toHaveLength(1)
  })
})

describe('the command line on PostgreSQL', () => {
  test('makes what a key needs, lists it, and finds it in the audit', async () => {
    const runRemoteJson = async <T = { id: string }>(...args: string[]): Promise<T> => {
      const { code, stdout, stderr } = await runRemoteCli(...args, '--json')
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('"error"')])
      return JSON.parse(stdout) as T
    }
    const account = await runRemoteJson('accounts', 'create', '--name', 'Acme Health')
    const of = ['--account', account.id]
    const owner = await runRemoteJson(
      'users',
      'create',
      ...of,
      '--email',
      'e@acme.example',
      '--role',
      'engineer',
    )
    const source = await runRemoteJson('sources', 'create', ...of, '--name', 'Acme Source')
    const { key } = await runRemoteJson<{ key: { id: string } }>(
      ...['keys', 'create', '--key-type', 'redox', '--owner', owner.id],
      ...['--source', source.id, '--name', 'nightly job'],
    )
    expect(await runRemoteJson('keys', 'list', ...of)).toMatchObject({ items: [{ id: key.id }] })
    expect(await runRemoteJson('audit', 'list', '--subject', key.id)).toMatchObject({
      items: [{ action: 'key.created' }],
    })
  })

  test('doctor finds the database sound, and prints its URL without the password', async () => {
    const { code, stdout } = await runRemoteCli('doctor', '--json')
    expect(code).toBe(0)
    const { items: findings } = JSON.parse(stdout) as {
      items: { check: string; status: string; message: string }[]
    }
    expect(findings.filter(isDoctorProblem)).toEqual([])
    expect(findings.map(({ check }) => check)).toEqual([
      ...['node', 'argon2', 'configuration', 'disk', 'data folder', 'key ring'],
      ...['database', 'writing', 'clock', 'audit'],
    ])
    const { host, pathname, password } = new URL(settings.LATCHKEY_DATABASE ?? '')
    expect(stdout).toContain(`${pathname.slice(1)} at ${host}, schema version`)
    expect(stdout).not.toContain(password)
  })
})

test('a database with rows is refused without its key ring, and none is made', async () => {
  const elsewhere = createTempFolder()
  const refused = await runCli(['keys', 'list'], { dir: elsewhere, env: settings })
  expect(refused).toMatchObject({
    code: 1,
    stderr: `there is no key ring ${join(elsewhere, 'keyring.json')}: copy it from another server of the database, or restore it from a backup\n`,
  })
  const { code, stdout } = await runCli(['doctor', '--json'], { dir: elsewhere, env: settings })
  expect(code).toBe(1)
  expect(JSON.parse(stdout).items).toContainEqual(
    expect.objectContaining({ check: 'key ring', status: 'fail' }),
  )
  rmSync(elsewhere, { recursive: true })
})
