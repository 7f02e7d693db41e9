import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { readConfig } from '../../src/config.ts'
import { openLatchkey } from '../../src/node/open-latchkey.ts'
import { createDiskFolder } from '../support/disk-faults.ts'
import { type ServerProcess, startServerProcess } from '../support/process.ts'
import { createSeededRandom, type SeededRandom, TEST_SEED } from '../support/random.ts'
import { createTestLog, seedKey, unwrap } from '../support/server.ts'
import { type KilledClientKey, KilledVendor } from './client.ts'
import { MessageLedger } from './ledger.ts'
import { KillOperator } from './operator.ts'

const CLIENTS_PER_LANE = 5
const MAX_SERVER_LIFE_MS = 250
const UNLIMITED = '1000000000'
// Tokens name the server's URL: it must not change with the port.
const LANE_PUBLIC_URL = 'https://latchkey.example'

/** One data folder whose server is killed again and again under load. Each lane draws its own chances. */
export async function runKillLane(lane: number, kills: number, counts: KillCounts): Promise<void> {
  const createLaneRandom = (name: string): SeededRandom =>
    createSeededRandom(TEST_SEED, `lane ${lane}: ${name}`)
  const killRandom = createLaneRandom('moment')
  const dir = createDiskFolder()
  const settings = {
    LATCHKEY_URL: LANE_PUBLIC_URL,
    LATCHKEY_QUOTA_REQUESTS: UNLIMITED,
    LATCHKEY_FAILURES_PER_ADDRESS: UNLIMITED,
    // No leeway: whatever is answered again is answered because it was not acknowledged.
    LATCHKEY_REFRESH_LEEWAY_SECONDS: '0',
  }
  const log = createTestLog()
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  const latchkey = await openLatchkey(config, { publicUrl: LANE_PUBLIC_URL, log })
  const connection = new KilledConnection()
  const ledger = new MessageLedger(latchkey.storage)
  const operator = await KillOperator.start(
    latchkey,
    connection,
    counts,
    createLaneRandom('operator'),
  )
  const clients: KilledVendor[] = []
  for (let n = 0; n < CLIENTS_PER_LANE; n++) {
    const key = await seedKilledVendor(latchkey)
    clients.push(
      new KilledVendor(
        key,
        connection,
        ledger,
        latchkey.storage,
        counts,
        createLaneRandom(`client ${n}`),
      ),
    )
  }

  try {
    // Only a server that is stopped leaves its compiled code behind; all that follow start faster.
    await (await startServerProcess(dir, settings)).stop()
    for (let n = 0; n < kills; n++) {
      const server = await startServerProcess(dir, settings)
      await withServer(server, async () => {
        connection.connect(server.url)
        await check()
        const work = Promise.all([...clients, operator].map((worker) => worker.work()))
        // The moment of the kill, and nothing else, is left to chance.
        await Promise.race([delay(killRandom.between(0, MAX_SERVER_LIFE_MS)), work])
        connection.expectDeath()
        await server.kill()
        await work
        counts.kills++
      })
    }
    const server = await startServerProcess(dir, settings)
    await withServer(server, async () => {
      connection.connect(server.url)
      await check()
      await operator.checkAll()
      await ledger.checkAll()
    })
  } finally {
    await latchkey.storage.close()
    rmSync(dir, { recursive: true, force: true })
  }

  async function check(): Promise<void> {
    await Promise.all([...clients.map((client) => client.check()), operator.check()])
    await ledger.check()
  }
}

/** Kills the server afterwards, and adds its output to any error. */
async function withServer(server: ServerProcess, use: () => Promise<void>): Promise<void> {
  try {
    await use()
  } catch (error) {
    throw new Error(`with a server that wrote: ${server.output()}`, { cause: error })
  } finally {
    await server.kill()
  }
  if (server.output().includes('"level":50')) throw new Error(server.output())
}

async function seedKilledVendor(
  latchkey: Awaited<ReturnType<typeof openLatchkey>>,
): Promise<KilledClientKey> {
  const { apiKey, secret, accountId, sourceId, destinationId } = await seedKey(latchkey)
  const { destinations, subscriptions } = latchkey
  const other = unwrap(await destinations.add({ accountId, name: 'Registry' }))
  unwrap(await destinations.setVerified(other.id, true))
  unwrap(await subscriptions.create({ sourceId, destinationId: other.id }))
  return { apiKey, secret, destinationIds: [destinationId, other.id] }
}

export interface KilledResponse {
  readonly status: number
  readonly body: string
}

/**
 * The way to a server that is going to be killed. An answer that does not come while it is dying is
 * lost (null); at any other time it is a failure of the server.
 */
export class KilledConnection {
  #url = ''
  #isDying = false

  connect(url: string): void {
    this.#url = url
    this.#isDying = false
  }

  /** From now on an answer may be lost. */
  expectDeath(): void {
    this.#isDying = true
  }

  async post(path: string, body: object, accessToken?: string): Promise<KilledResponse | null> {
    try {
      const answer = await fetch(`${this.#url}${path}`, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          ...(accessToken === undefined ? {} : { Authorization: `Bearer ${accessToken}` }),
        },
        body: JSON.stringify(body),
      })
      return { status: answer.status, body: await answer.text() }
    } catch (error) {
      if (this.#isDying) return null
      throw new Error(`${path} was not answered though nobody killed the server`, { cause: error })
    }
  }
}

/** Totals over all lanes. */
export const createKillCounts = () => ({
  kills: 0,
  authentications: 0,
  refreshes: 0,
  /** Refreshes whose answer died with the server. */
  lostAnswers: 0,
  /** Lost answers whose work was done. */
  lostAfterCommit: 0,
  /** Answers that were asked for again and came back the same to the byte. */
  repeats: 0,
  messages: 0,
  revocations: 0,
  toggles: 0,
})

export type KillCounts = ReturnType<typeof createKillCounts>
