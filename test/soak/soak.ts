import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Latchkey } from '../../src/compose.ts'
import { readConfig } from '../../src/config.ts'
import { openLatchkey } from '../../src/node/open-latchkey.ts'
import { createSeededRandom, type SeededRandom } from '../support/random.ts'
import { createTempFolder, createTestLog, seedKey, unwrap } from '../support/server.ts'
import { openSoakDatabase, type SoakEngineName } from './database.ts'
import { startSoakDestination } from './destination.ts'
import { disruptServers, resumeQueues, startServerFleet } from './disruptions.ts'
import { createLedgerRecorder, type LedgerRecorder, type SoakLedger } from './ledger.ts'
import {
  countQueuedDeliveries,
  findDisagreements,
  readStoredState,
  type StoredState,
} from './stored-state.ts'
import { authenticateSender, formatDestinationName, sendSoakMessages } from './vendor.ts'
import { judgeLedger, type SoakVerdict } from './verdict.ts'

export interface SoakInput {
  readonly engine: SoakEngineName
  /** How many are to be acknowledged. */
  readonly messages: number
  readonly seed: number
  /** Told again and again how far it has got. */
  readonly onProgress?: (acknowledged: number, delivered: number) => void
}

export interface SoakOutcome {
  readonly engine: SoakEngineName
  readonly seed: number
  readonly seconds: number
  readonly ledger: SoakLedger
  readonly stored: StoredState
  /** Number of requests by the destination's behavior. */
  readonly requests: ReadonlyMap<string, number>
  readonly resumed: number
  readonly verdict: SoakVerdict
  readonly disagreements: readonly string[]
}

/** Everything at once, and then the verdict. */
export async function runSoak({
  engine,
  messages,
  seed,
  onProgress,
}: SoakInput): Promise<SoakOutcome> {
  const startedAt = Date.now()
  const createRandom = (name: string) => createSeededRandom(seed, name)
  const ledgerRecorder = createLedgerRecorder()
  const abortController = new AbortController()
  const stage = await openSoakStage(engine, ledgerRecorder, createRandom, abortController.signal)
  const progressTimer = setInterval(
    () => onProgress?.(ledgerRecorder.acknowledgedCount(), ledgerRecorder.takenCount()),
    1000,
  )
  try {
    const workDone = runVendors(stage, messages, createRandom)
    const operatorDone = resumeQueues(stage, createRandom('operator'))
    // The operator ends before the others only by an error; stuck messages are then counted as they are.
    await Promise.race([workDone, operatorDone, waitUntilStuck(stage)])
    abortController.abort()
    const resumed = await operatorDone
    await stage.fleet.stop()
    const stored = await readStoredState(stage.database.query)
    return {
      engine,
      seed,
      seconds: (Date.now() - startedAt) / 1000,
      resumed,
      stored,
      ledger: ledgerRecorder.ledger,
      requests: ledgerRecorder.requests,
      verdict: judgeLedger(ledgerRecorder.ledger),
      disagreements: findDisagreements(stored, ledgerRecorder.ledger.arrivals),
    }
  } finally {
    abortController.abort()
    clearInterval(progressTimer)
    await stage.close()
  }
}

/** Until all messages are acknowledged, all trouble is made, and nothing is queued any more. */
async function runVendors(
  stage: SoakStage,
  messages: number,
  createRandom: (name: string) => ReturnType<typeof createSeededRandom>,
): Promise<void> {
  const { vendors, fleet } = stage
  const senders = await Promise.all(
    vendors.map((vendor) => authenticateSender(vendor, fleet.url())),
  )
  const share = {
    count: Math.ceil(messages / senders.length),
    maxOutstanding: 250 + messages / 10,
  }
  await Promise.all([
    disruptServers(stage, messages, createRandom('trouble')),
    ...senders.map((sender) =>
      sendSoakMessages(sender, share, stage, createRandom(`vendor ${sender.source}`)),
    ),
  ])
  while ((await countQueuedDeliveries(stage.database.query)) > 0) {
    await delay(250, undefined, { signal: stage.signal })
  }
}

/** Resolves when nothing has come for so long, although an operator resumes what waits. */
const STUCK_TIMEOUT_MS = 600_000

async function waitUntilStuck({ ledgerRecorder, signal }: SoakStage): Promise<void> {
  let takenCount = ledgerRecorder.takenCount()
  for (let since = Date.now(); Date.now() - since < STUCK_TIMEOUT_MS; ) {
    await delay(1000, undefined, { signal })
    if (ledgerRecorder.takenCount() === takenCount) continue
    takenCount = ledgerRecorder.takenCount()
    since = Date.now()
  }
}

const SOURCE_COUNT = 20
const DESTINATION_COUNT = 5
const UNLIMITED = '1000000000'
// Tokens name the server's URL: it must not change with the port.
const SOAK_PUBLIC_URL = 'https://latchkey.example'

/** All that takes part: a database, destinations behind sockets, and a server in processes of its own. */
export async function openSoakStage(
  engine: SoakEngineName,
  ledgerRecorder: LedgerRecorder,
  createRandom: (name: string) => SeededRandom,
  signal: AbortSignal,
) {
  const dir = createTempFolder()
  const database = await openSoakDatabase(engine, dir)
  const destinations = await Promise.all(
    Array.from({ length: DESTINATION_COUNT }, (_, n) =>
      startSoakDestination(n, createRandom(`destination ${n}`), ledgerRecorder),
    ),
  )
  const settings = {
    ...database.settings,
    LATCHKEY_URL: SOAK_PUBLIC_URL,
    LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1',
    LATCHKEY_QUOTA_REQUESTS: UNLIMITED,
  }
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  const latchkey = await openLatchkey(config, { publicUrl: SOAK_PUBLIC_URL, log: createTestLog() })
  const urls = destinations.map(({ url }) => url)
  const seeded = await seedSoakVendors(latchkey, SOURCE_COUNT, urls)
  const fleet = await startServerFleet(dir, settings)

  // Cleans up when this process is ended during the run.
  const cleanUp = () => {
    fleet.abandon()
    rmSync(dir, { recursive: true, force: true })
  }
  process.once('exit', cleanUp)

  return {
    ledgerRecorder,
    database,
    latchkey,
    fleet,
    ...seeded,
    /** Aborted when the run is over, however it ends, so that nothing waits on. */
    signal,
    async close() {
      process.off('exit', cleanUp)
      fleet.abandon()
      await latchkey.storage.close()
      await Promise.all(destinations.map((destination) => destination.close()))
      await database.close()
      cleanUp()
    },
  }
}

export type SoakStage = Awaited<ReturnType<typeof openSoakStage>>

/** A vendor that sends along all subscriptions of one source. */
export interface SoakVendor {
  readonly source: number
  readonly apiKey: string
  readonly secret: string
}

/** So many vendors, an account each, whose source is subscribed to every one of these destinations. */
export async function seedSoakVendors(
  latchkey: Latchkey,
  sources: number,
  urls: readonly string[],
) {
  const { accounts, destinations, subscriptions } = latchkey
  const hospital = unwrap(await accounts.create({ name: 'Hospital' }))
  const destinationIds: string[] = []
  for (const [n, url] of urls.entries()) {
    const input = { accountId: hospital.id, name: formatDestinationName(n), url, development: true }
    const { id } = unwrap(await destinations.add(input))
    unwrap(await destinations.setVerified(id, true))
    destinationIds.push(id)
  }
  const vendors: SoakVendor[] = []
  const subscriptionIds: string[] = []
  for (let source = 0; source < sources; source++) {
    const { apiKey, secret, sourceId } = await seedKey(latchkey)
    vendors.push({ source, apiKey, secret })
    for (const destinationId of destinationIds) {
      subscriptionIds.push(unwrap(await subscriptions.create({ sourceId, destinationId })).id)
    }
  }
  return { vendors, subscriptionIds, destinationIds }
}
