import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { readConfig } from '../../../src/config.ts'
import { open } from '../../../src/node/server.ts'
import { type Chance, createChance } from '../../soak/chance.ts'
import { type ServerProcess, startServer } from '../process.ts'
import { SEED } from '../seed.ts'
import { done, seedKey, temporaryFolder, testLog } from '../server.ts'
import { Client, type ClientKey } from './client.ts'
import type { Counts } from './counts.ts'
import { Ledger } from './ledger.ts'
import { Line } from './line.ts'
import { Operator } from './operator.ts'

const CLIENTS = 5
const LONGEST_LIFE_MS = 250
const PLENTY = '1000000000'
// Tokens name the server's URL: it must not change with the port.
const PUBLIC_URL = 'https://latchkey.example'

/** One data folder whose server is killed again and again under load. Each lane draws its own chances. */
export async function runLane(lane: number, kills: number, counts: Counts): Promise<void> {
  const chanceFor = (name: string): Chance => createChance(SEED, `lane ${lane}: ${name}`)
  const moment = chanceFor('moment')
  const dir = temporaryFolder()
  const settings = {
    LATCHKEY_URL: PUBLIC_URL,
    LATCHKEY_QUOTA_REQUESTS: PLENTY,
    LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
    // No leeway: whatever is answered again is answered because it was not acknowledged.
    LATCHKEY_REFRESH_LEEWAY_SECONDS: '0',
  }
  const log = testLog()
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  const latchkey = await open(config, { publicUrl: PUBLIC_URL, log })
  const line = new Line()
  const ledger = new Ledger(latchkey.storage)
  const operator = await Operator.begin(latchkey, line, counts, chanceFor('operator'))
  const clients: Client[] = []
  for (let n = 0; n < CLIENTS; n++) {
    const key = await seedClient(latchkey)
    clients.push(new Client(key, line, ledger, latchkey.storage, counts, chanceFor(`client ${n}`)))
  }

  try {
    // Only a server that is stopped leaves its compiled code behind; all that follow start faster.
    await (await startServer(dir, settings)).stop()
    for (let n = 0; n < kills; n++) {
      const server = await startServer(dir, settings)
      await alive(server, async () => {
        line.connect(server.url)
        await check()
        const work = Promise.all([...clients, operator].map((worker) => worker.work()))
        // The moment of the kill, and nothing else, is left to chance.
        await Promise.race([delay(moment.between(0, LONGEST_LIFE_MS)), work])
        line.expectDeath()
        await server.kill()
        await work
        counts.kills++
      })
    }
    const server = await startServer(dir, settings)
    await alive(server, async () => {
      line.connect(server.url)
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

/** The server is gone afterwards, and what it wrote is told with whatever went wrong. */
async function alive(server: ServerProcess, use: () => Promise<void>): Promise<void> {
  try {
    await use()
  } catch (error) {
    throw new Error(`with a server that wrote: ${server.output()}`, { cause: error })
  } finally {
    await server.kill()
  }
  if (server.output().includes('"level":50')) throw new Error(server.output())
}

async function seedClient(latchkey: Awaited<ReturnType<typeof open>>): Promise<ClientKey> {
  const { apiKey, secret, accountId, sourceId, destinationId } = await seedKey(latchkey)
  const { routes } = latchkey
  const other = done(await routes.addDestination({ accountId, name: 'Registry' }))
  done(await routes.setVerified(other.id, true))
  done(await routes.subscribe({ sourceId, destinationId: other.id }))
  return { apiKey, secret, destinationIds: [destinationId, other.id] }
}
