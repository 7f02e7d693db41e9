import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createEnvironment } from '../test/support/process.ts'
import { authenticateBenchVendor, formatCredentials } from './cases.ts'
import { mkdirIn } from './compare.ts'
import { computeDelay, type DelayQuantiles } from './delivery/arrival.ts'
import { createSchedule, sendAll, sendOnTime } from './delivery/send.ts'
import { startEngineServer } from './engines.ts'
import { measureInTurn, median } from './load.ts'
import { callApi, seedApiToken } from './management-api.ts'
import type { BenchEngineName, BenchSettings } from './options.ts'
import { type BenchServer, resolveBenchPath } from './process.ts'
import { buildPostRequest, createMessage, takeTurn } from './requests.ts'
import { type BenchVendor, seedRows, seedVendors } from './seed.ts'
import { report, showProgress } from './text.ts'

/** The delay of exchanges while the server also handles a long request of another client. */
export interface StallResult {
  readonly engine: BenchEngineName
  readonly disturber: string
  readonly figures: DelayQuantiles
  /** The p99 beyond that of the undisturbed round beside it (ms); null for that one. */
  readonly addedMs: number | null
  /** How often the disturbing work was done in all rounds. */
  readonly times: number
}

/** The target: the most that a disturber may add to the p99 of the exchanges. */
export const MAX_ADDED_MS = 20
/** Requests that do not load the server: a stall alone delays them. */
const EXCHANGES_PER_SECOND = 200
const CONNECTIONS = 64
const LONG_MESSAGE_BYTES = 39 * 1024 * 1024

interface StallTarget {
  readonly engine: BenchEngineName
  readonly served: BenchServer
  readonly vendors: readonly BenchVendor[]
  readonly apiToken: string
}

/** Work that is repeated beside the exchanges. */
type Disturber = (target: StallTarget) => Promise<unknown>

const callManagement =
  (path: string, method = 'GET'): Disturber =>
  ({ served, apiToken }) =>
    callApi(served, apiToken, path, method)

async function sendLongMessage(target: StallTarget): Promise<void> {
  const vendor = takeTurn(target.vendors, 0)
  const { accessToken } = await authenticateBenchVendor(
    { port: target.served.port, ...target },
    vendor,
  )
  const body = createMessage(vendor.sourceId, vendor.destinationId, LONG_MESSAGE_BYTES)
  const request = buildPostRequest('/endpoint', body, [['Authorization', `Bearer ${accessToken}`]])
  await sendAll(target.served.port, [request], 1)
}

async function runCommand({ served }: StallTarget): Promise<void> {
  const args = [resolveBenchPath('../src/node/cli.ts'), 'messages', 'list', '--json']
  const env = createEnvironment(served.settings)
  const [code] = await once(spawn(process.execPath, args, { env, stdio: 'ignore' }), 'exit')
  if (code !== 0) throw new Error(`the command ended with ${code}`)
}

/** The id of a destination without messages. */
const UNUSED_ID = '00000000-0000-7000-8000-000000000000'

const DISTURBERS: Readonly<Record<string, Disturber | null>> = {
  undisturbed: null,
  'a list of the messages to a rare destination': callManagement(
    `/messages?destinationId=${UNUSED_ID}`,
  ),
  'a search for a text in all keys': callManagement('/keys?text=nothing&order=name'),
  'an export of the audit': callManagement('/audit/export'),
  'a verification of the audit': callManagement('/audit/verify', 'POST'),
  'a message of 39 MB': sendLongMessage,
  'a command on the same database': runCommand,
}

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
  seedRows(dataDir, settings)
  const results: StallResult[] = []
  for (const engine of settings.engines) {
    showProgress(`starting ${engine}`)
    const served = await startEngineServer(engine, mkdirIn(folder, engine), dataDir, settings)
    try {
      results.push(...(await measureDisturbers({ engine, served, vendors, apiToken }, settings)))
    } finally {
      await served.stop()
    }
  }
  return results
}

async function measureDisturbers(
  target: StallTarget,
  settings: BenchSettings,
): Promise<StallResult[]> {
  const { engine, served, vendors } = target
  // The first exchange of each key runs argon2, which is not measured here.
  for (const vendor of vendors)
    await authenticateBenchVendor({ port: served.port, vendors }, vendor)
  const requests = vendors.map((vendor) =>
    buildPostRequest('/auth/authenticate', formatCredentials(vendor)),
  )
  const times = new Map<string, number>()
  const turns = Object.entries(DISTURBERS).map(([label, disturb]) => ({
    label,
    async round(seconds: number) {
      const dues = createSchedule(EXCHANGES_PER_SECOND, seconds)
      const getRequest = (n: number) => takeTurn(requests, n)
      const stop = new AbortController()
      const disturbance = repeat(stop.signal, async () => {
        await disturb?.(target)
        times.set(label, (times.get(label) ?? 0) + 1)
      })
      const sent = sendOnTime(served.port, dues, { getRequest, connections: CONNECTIONS })
      const { dueAt, answeredAt } = await sent.finally(() => stop.abort())
      await disturbance
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

const DISTURBANCE_PAUSE_MS = 20

/** Repeats the work until the signal; resolves when the last run is done. */
async function repeat(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work()
    await wait(DISTURBANCE_PAUSE_MS)
  }
}
