import { join } from 'node:path'
import Database from 'better-sqlite3'
import { authenticateBenchVendor, formatCredentials } from '../cases.ts'
import { mkdirIn } from '../compare.ts'
import { computeDelay, type DelayQuantiles } from '../delivery/arrival.ts'
import { createSchedule, sendOnTime } from '../delivery/send.ts'
import { startEngineServer } from '../engines.ts'
import { measureInTurn, median } from '../load.ts'
import { seedApiToken } from '../management-api.ts'
import type { BenchEngineName, BenchSettings } from '../options.ts'
import { buildPostRequest, takeTurn } from '../requests.ts'
import { type BenchVendor, seedApiKeys, seedRows, seedVendors } from '../seed.ts'
import { report, showProgress } from '../text.ts'
import { type DisturberThread, startDisturberThread } from './disturber-thread.ts'
import { DISTURBERS, type StallTarget } from './disturbers.ts'

/** The delay of exchanges while the server also handles a long request of another client. */
export interface StallResult {
  readonly engine: BenchEngineName
  readonly disturber: string
  readonly figures: DelayQuantiles
  /** The p99 beyond that of the undisturbed round beside it (ms); null for that one. */
  readonly addedMs: number | null
  /** The number of times that the disturbing work was done, in all rounds. */
  readonly times: number
}

/** The target: the most that a disturber may add to the p99 of the exchanges. */
export const MAX_ADDED_MS = 20
/** Requests that do not load the server: a stall alone delays them. */
const EXCHANGES_PER_SECOND = 200
const CONNECTIONS = 64

/** Measures exchanges on each engine, alone and beside each disturber, in turn. */
export async function measureStalls(
  folder: string,
  settings: BenchSettings,
): Promise<StallResult[]> {
  const dataDir = join(folder, 'data')
  showProgress('seeding')
  const vendors = await seedVendors(dataDir, {
    keys: settings.storedKeys,
    active: settings.vendors,
  })
  const apiToken = await seedApiToken(dataDir)
  const { xenrad } = await seedApiKeys(dataDir, 1)
  seedRows(dataDir, settings)
  const disturber = await startDisturberThread()
  const sender = takeTurn(vendors, 0)
  connectDestination(dataDir, sender, disturber.receiverUrl)
  const results: StallResult[] = []
  try {
    for (const engine of settings.engines) {
      showProgress(`starting ${engine}`)
      const served = await startEngineServer(engine, mkdirIn(folder, engine), dataDir, settings, {
        LATCHKEY_UPSTREAM_HL7: disturber.receiverUrl,
      })
      const { port, consolePort, settings: environment } = served
      const target = { engine, port, consolePort, environment, sender, apiToken, xenrad, folder }
      try {
        results.push(...(await measureDisturbers(target, vendors, disturber, settings)))
      } finally {
        await served.stop()
      }
    }
  } finally {
    await disturber.stop()
  }
  return results
}

/** The messages of this vendor arrive; those of the others wait for their destination. */
function connectDestination(dataDir: string, vendor: BenchVendor, url: string): void {
  const db = new Database(join(dataDir, 'latchkey.db'))
  db.prepare('UPDATE destinations SET url = ?, development = 1 WHERE id = ?').run(
    url,
    vendor.destinationId,
  )
  db.close()
}

async function measureDisturbers(
  target: StallTarget,
  vendors: readonly BenchVendor[],
  disturber: DisturberThread,
  settings: BenchSettings,
): Promise<StallResult[]> {
  const { engine, port } = target
  // The first exchange of each key runs argon2, which is not measured here.
  for (const vendor of vendors) await authenticateBenchVendor({ port, vendors }, vendor)
  const requests = vendors.map((vendor) =>
    buildPostRequest('/auth/authenticate', formatCredentials(vendor)),
  )
  const getRequest = (n: number) => takeTurn(requests, n)
  const times = new Map<string, number>()
  const disturbers = DISTURBERS.filter(
    ({ name, engines = [engine] }, n) =>
      n === 0 || (settings.disturbers.includes(name) && engines.includes(engine)),
  )
  const turns = disturbers.map(({ name, title }) => ({
    label: title,
    async round(seconds: number) {
      await disturber.begin(target, name)
      const dues = createSchedule(EXCHANGES_PER_SECOND, seconds)
      const { dueAt, answeredAt } = await sendOnTime(port, dues, {
        getRequest,
        connections: CONNECTIONS,
      })
      times.set(title, (times.get(title) ?? 0) + (await disturber.end()))
      return computeDelay(dueAt, answeredAt)
    },
  }))
  const measured = await measureInTurn('stalls', turns, settings)
  const base = measured[0] ?? []
  return turns.map(({ label }, n) => {
    const rounds = measured[n] ?? []
    const figures = {
      p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
    }
    const added = median(rounds.map(({ p99Ms }, round) => p99Ms - (base[round]?.p99Ms ?? 0)))
    report(`${engine}, ${label}: p99 ${figures.p99Ms.toFixed(1)} ms, ${added.toFixed(1)} ms more`)
    const addedMs = n === 0 ? null : added
    return { engine, disturber: label, figures, addedMs, times: times.get(label) ?? 0 }
  })
}
