import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { openLatchkey } from '../../src/node/open-latchkey.ts'
import { POSTGRES_START_TIMEOUT_MS, startPostgres } from '../support/database/postgres.ts'
import {
  createBasicHeader,
  FORM_TYPE,
  SECRET_CLIENT,
  seedClient,
  toForm,
} from '../support/oauth.ts'
import { type ServerProcess, startServerProcess } from '../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestLog,
  seedKey,
} from '../support/server.ts'
import { createVendorClient, type VendorClientConnection } from '../support/vendor-clients.ts'

const PUBLIC_URL = 'https://latchkey.example'
const SETTINGS = { LATCHKEY_URL: PUBLIC_URL, LATCHKEY_FAILURES_PER_ADDRESS: '1000000000' }
const REVOCATIONS = 200
/** The number of tokens that are used and revoked at the same time. */
const CONCURRENT_TOKENS = 10

async function openPostgresDatabase() {
  const postgres = await startPostgres()
  return {
    settings: { LATCHKEY_DATABASE: await postgres.createDatabase() },
    dispose: () => postgres.stop(),
  }
}
const openSqliteDatabase = async () => ({ settings: {}, dispose: async () => undefined })

describe.each([
  ['SQLite', openSqliteDatabase],
  ['PostgreSQL', openPostgresDatabase],
])('two servers on one %s database', (_, open) => {
  const dir = createTempFolder()
  let database: Awaited<ReturnType<typeof open>>
  let servers: readonly ServerProcess[] = []
  let clients: readonly VendorClientConnection[]
  let seeds: Awaited<ReturnType<typeof openLatchkey>>
  beforeAll(async () => {
    database = await open()
    const settings = { ...SETTINGS, ...database.settings }
    const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
    seeds = await openLatchkey(config, { publicUrl: PUBLIC_URL, log: createTestLog() })
    servers = await Promise.all([
      startServerProcess(dir, settings),
      startServerProcess(dir, settings),
    ])
    clients = servers.map(({ url }) => createVendorClient(url))
  }, POSTGRES_START_TIMEOUT_MS)
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
    await seeds.storage.close()
    await database.dispose()
    rmSync(dir, { recursive: true, force: true })
  })

  const post = async (n: number, path: string, secret: Secret, parameters: object) => {
    const answer = await clients[n % 2]?.send(path, toForm({ ...parameters }), {
      ...createBasicHeader(secret.id, secret.secret),
      'Content-Type': FORM_TYPE,
    })
    if (answer?.status !== 200) throw new Error(answer?.body)
    return answer.body
  }

  test(`no request that begins after one of ${REVOCATIONS} revocations is admitted`, async () => {
    const legacy = await seedKey(seeds)
    const { ownerId, sourceId } = legacy
    const secrets: Secret[] = [{ id: legacy.apiKey, secret: legacy.secret }]
    for (const tokenStrategy of ['jwt', 'opaque'] as const) {
      const settings = { ...SECRET_CLIENT, tokenStrategy, sourceIds: [sourceId] }
      const { clientId, secret } = await seedClient(seeds, settings, { ownerId })
      secrets.push({ id: clientId, secret })
    }
    const message = createDeviceNewMessage(legacy.destinationId, { Source: { ID: sourceId } })

    const late: number[] = []
    const early: number[] = []
    let admitted = 0
    async function revokeWhileUsed(n: number) {
      const secret = secrets[n % secrets.length] as Secret
      const grant = { grant_type: 'client_credentials' }
      const token = JSON.parse(await post(n, '/oauth2/token', secret, grant)).access_token
      let isRevoked = false
      const useUntilRefused = async (client: VendorClientConnection) => {
        for (let status = 200; status === 200; ) {
          const isLate = isRevoked
          status = (await client.endpoint(token, message)).status
          if (isLate) late.push(status)
          else if (status === 200) admitted++
        }
      }
      // Both servers have it in their caches.
      for (const client of clients) early.push((await client.endpoint(token, message)).status)
      const users = clients.flatMap((client) => [useUntilRefused(client), useUntilRefused(client)])
      await post(n + 1, '/oauth2/revoke', secret, { token })
      isRevoked = true
      for (const client of clients) late.push((await client.endpoint(token, message)).status)
      await Promise.all(users)
    }
    let next = 0
    const work = async () => {
      while (next < REVOCATIONS) await revokeWhileUsed(next++)
    }
    await Promise.all(Array.from({ length: CONCURRENT_TOKENS }, work))
    expect(early).toEqual(Array.from({ length: 2 * REVOCATIONS }, () => 200))
    expect(admitted).toBeGreaterThan(REVOCATIONS)
    expect(late.length).toBeGreaterThanOrEqual(2 * REVOCATIONS)
    expect(late.filter((status) => status !== 401)).toEqual([])
  }, 120_000)
})

interface Secret {
  readonly id: string
  readonly secret: string
}
