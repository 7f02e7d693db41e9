import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { openLatchkey } from '../../../src/node/open-latchkey.ts'
import {
  type LocalPostgres,
  POSTGRES_START_TIMEOUT_MS,
  startLocalPostgres,
} from '../../support/database/postgres.ts'
import { type ServerProcess, startServerProcess } from '../../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestLog,
  seedKey,
  type TokenResponse,
} from '../../support/server.ts'
import { decodeAccessToken } from '../../support/tokens.ts'
import { createVendorClient, parseTokenResponse } from '../../support/vendor-clients.ts'

const CLIENTS = 20
const REFRESHES_EACH = 50
const PLENTY = '1000000000'
const PUBLIC_URL = 'https://latchkey.example'

const dir = createTempFolder()
let postgres: LocalPostgres
let seeds: Awaited<ReturnType<typeof openLatchkey>>
let server: ServerProcess
beforeAll(async () => {
  postgres = await startLocalPostgres()
  const settings = {
    LATCHKEY_DATABASE: await postgres.createDatabase(),
    LATCHKEY_URL: PUBLIC_URL,
    LATCHKEY_QUOTA_REQUESTS: PLENTY,
    LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
    // No leeway: whatever is answered again is answered because it was not acknowledged.
    LATCHKEY_REFRESH_LEEWAY_SECONDS: '0',
    LATCHKEY_LOG_LEVEL: 'info',
  }
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  seeds = await openLatchkey(config, { publicUrl: PUBLIC_URL, log: createTestLog() })
  server = await startServerProcess(dir, settings)
}, POSTGRES_START_TIMEOUT_MS)
afterAll(async () => {
  await server.stop()
  await seeds.storage.close()
  await postgres.stop()
  rmSync(dir, { recursive: true, force: true })
})

const counts = { refreshes: 0, unavailable: 0, messages: 0, messagesLost: 0 }

/** The state that the server has acknowledged to a client. */
interface Acknowledged {
  readonly key: Awaited<ReturnType<typeof seedKey>>
  held: TokenResponse
  readonly serials: string[]
}
const ledger: Acknowledged[] = []

/** Pauses the clients, so that the rows do not change while they are compared with the ledger. */
const rest = { isOver: Promise.resolve(), isCalled: false, resting: 0, gone: 0 }

/** A vendor's backend: it keeps the newest tokens that arrived, and retries as the server asks. */
async function refreshOften(key: Acknowledged['key']) {
  const client = createVendorClient(server.url)
  const own: Acknowledged = {
    key,
    held: parseTokenResponse(await client.authenticate(key.apiKey, key.secret)),
    serials: [],
  }
  ledger.push(own)
  for (let generation = 1; generation <= REFRESHES_EACH; generation++) {
    for (;;) {
      const answer = await client.refresh(key.apiKey, own.held.refreshToken)
      if (answer.status !== 200) {
        await retryAfterRestart(answer.status)
        continue
      }
      // Never a generation further: what was answered was kept, what was lost is answered again.
      const next = parseTokenResponse(answer)
      expect(decodeAccessToken(next)).toMatchObject({
        grantId: decodeAccessToken(own.held).grantId,
        generation,
      })
      own.held = next
      counts.refreshes++
      break
    }
    // Its first use tells the server that it arrived.
    if (generation % 2 === 1) continue
    const accepted = await client.endpoint(
      own.held.accessToken,
      createDeviceNewMessage(key.destinationId),
    )
    if (accepted.status === 200) {
      const { Meta } = JSON.parse(accepted.body) as { Meta: { Message: { ID: number | string } } }
      own.serials.push(String(Meta.Message.ID))
      counts.messages++
    } else {
      counts.messagesLost++
      await retryAfterRestart(accepted.status)
    }
  }
  rest.gone++
}

/** 503 and nothing else: the token was not refused, so it is as good as it was. */
async function retryAfterRestart(status: number) {
  expect(status).toBe(503)
  counts.unavailable++
  await delay(50)
  if (!rest.isCalled) return
  rest.resting++
  await rest.isOver
}

/** Everything that was acknowledged is in the database. */
async function checkLedger() {
  for (const { key, held, serials } of ledger) {
    const { grantId, generation } = decodeAccessToken(held)
    const row = await seeds.storage.findGrant(grantId)
    expect(row?.generation ?? 0).toBeGreaterThanOrEqual(generation)
    expect(row?.revokedAt ?? null).toBeNull()
    const storedMessages = await seeds.storage.listMessages({
      accountId: key.accountId,
      limit: 100,
    })
    expect(storedMessages.map(({ serial }) => String(serial))).toEqual(
      expect.arrayContaining(serials),
    )
  }
}

const readReadyStatus = async () => (await fetch(`${server.url}/ready`)).status
async function waitForReadyStatus(status: number) {
  while ((await readReadyStatus()) !== status) await delay(20)
}
async function waitForRefreshes(refreshes: number) {
  while (counts.refreshes < refreshes) await delay(5)
}

async function killThreeTimes(revokedKeyId: string) {
  for (const [at, signal] of [
    [200, 'SIGKILL'],
    [500, 'SIGQUIT'],
    [800, 'SIGKILL'],
  ] as const) {
    await waitForRefreshes(at)
    if (at === 500) await seeds.keys.revoke(revokedKeyId)
    await postgres.kill(signal)
    await waitForReadyStatus(503)
    await delay(200)
    let goOn = () => {}
    Object.assign(rest, {
      isCalled: true,
      resting: 0,
      isOver: new Promise<void>((resolve) => {
        goOn = resolve
      }),
    })
    while (rest.resting + rest.gone < CLIENTS) await delay(5)
    await postgres.start()
    await waitForReadyStatus(200)
    await checkLedger()
    rest.isCalled = false
    goOn()
  }
}

test('a database that is killed and started again in the midst of 1,000 refreshes locks no client out, and loses nothing that was acknowledged', async () => {
  const keys = await Promise.all(Array.from({ length: CLIENTS }, () => seedKey(seeds)))
  const revoked = await seedKey(seeds)
  const early = createVendorClient(server.url)
  const revokedTokens = parseTokenResponse(await early.authenticate(revoked.apiKey, revoked.secret))
  expect(await readReadyStatus()).toBe(200)

  // The first that fails ends the test.
  await Promise.all([...keys.map(refreshOften), killThreeTimes(revoked.keyId)])
  console.log(`PostgreSQL killed 3 times: ${JSON.stringify(counts)}`)
  expect(counts.refreshes).toBe(CLIENTS * REFRESHES_EACH)
  expect(counts.unavailable).toBeGreaterThan(0)
  await checkLedger()
  for (const { key, held } of ledger) {
    expect(decodeAccessToken(held).generation).toBe(REFRESHES_EACH)
    const next = await early.refresh(key.apiKey, held.refreshToken)
    expect(next.status).toBe(200)
  }
  const refused = await early.refresh(revoked.apiKey, revokedTokens.refreshToken)
  expect(refused.status).toBe(401)

  // The same process all the while, and its log tells the story without the password.
  expect(server.process.exitCode).toBeNull()
  expect(server.output()).toContain('the database can be reached again')
  expect(server.output()).not.toMatch(/battery|"severity"/)
})
