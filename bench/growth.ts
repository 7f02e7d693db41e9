import { join } from 'node:path'
import {
  type Comparison,
  type Contender,
  compareCase,
  mkdirIn,
  seedCallers,
  startContender,
} from './compare.ts'
import { callApi, seedApiToken } from './management-api.ts'
import type { BenchEngineName, BenchSettings } from './options.ts'
import type { BenchServer } from './process.ts'
import { seedRows } from './seed.ts'
import { formatInteger, report, showProgress } from './text.ts'

/** The cost of a case or of a page of a list with each number of keys. */
export interface GrowthResult {
  readonly engine: BenchEngineName
  readonly work: string
  /** CPU of one response, by number of keys. */
  readonly cpuUs: Readonly<Record<string, number>>
  /** Maximum CPU with LIST_TARGET_KEYS; null for a case, whose target is a share of bare Hono. */
  readonly maxUs: number | null
}

/** The target: CPU of the page of a list with this number of keys. */
const MAX_LIST_US = 100_000
export const LIST_TARGET_KEYS = '100,000'

const UNUSED_SINCE = '2026-01-01T00:00:00Z'

const MESSAGES_PER_KEY = 10

/** Pages of 50 at the management API. */
const LISTS: Readonly<Record<string, string>> = {
  'keys, the newest': '/keys?limit=50',
  'keys, last used first': '/keys?limit=50&order=lastUsed',
  'keys with a text that all have': '/keys?limit=50&text=nightly&order=name',
  'keys with a text that none has': '/keys?limit=50&text=nothing&order=name',
  'keys that have not been used since a time': `/keys?limit=50&unusedSince=${UNUSED_SINCE}`,
  'messages, the newest': '/messages?limit=50',
  'messages: queued': '/messages?limit=50&status=queued',
  'messages of a destination without any':
    '/messages?limit=50&destinationId=00000000-0000-7000-8000-000000000000',
}

/** Measures the hot path and lists with few and with many keys and messages. */
export async function measureGrowth(
  folder: string,
  settings: BenchSettings,
): Promise<GrowthResult[]> {
  const seeds = []
  for (const keys of settings.growthKeys) {
    const seeded = await seedCallers(join(folder, `seeded-${keys}`), settings, keys)
    const apiToken = await seedApiToken(seeded.dataDir)
    const storedMessages = Math.min(MESSAGES_PER_KEY * keys, settings.storedMessages)
    // More events would be sealed, beside the cases.
    seedRows(seeded.dataDir, { storedMessages, storedEvents: 1 })
    seeds.push({ keys, seeded, apiToken })
  }
  const results: GrowthResult[] = []
  for (const engine of settings.engines) {
    const contenders: Contender[] = []
    try {
      for (const { keys, seeded } of seeds) {
        const contender = await startContender(
          engine,
          mkdirIn(folder, `${engine}-${keys}`),
          seeded,
          settings,
        )
        contenders.push({ ...contender, label: formatInteger(keys) })
      }
      for (const benchCase of settings.cases) {
        const comparisons = await compareCase(folder, benchCase, contenders, settings)
        results.push({
          engine,
          work: benchCase.title,
          cpuUs: toCpuByLabel(comparisons),
          maxUs: null,
        })
      }
      for (const [work, path] of Object.entries(LISTS)) {
        showProgress(`${engine}: ${work}`)
        const cpuUs: Record<string, number> = {}
        for (const [n, { label, served }] of contenders.entries()) {
          cpuUs[label] = await measureList(served, path, seeds[n]?.apiToken ?? '', settings)
        }
        report(`${engine}, ${work}: ${JSON.stringify(cpuUs)} µs`)
        results.push({ engine, work, cpuUs, maxUs: MAX_LIST_US })
      }
    } finally {
      for (const { served } of contenders) await served.stop()
    }
  }
  return results
}

const toCpuByLabel = (comparisons: readonly Comparison[]) =>
  Object.fromEntries(comparisons.map(({ label, figures }) => [label, figures.cpuUs]))

/** Asks for the page again and again for the seconds of a round. */
async function measureList(
  served: BenchServer,
  path: string,
  apiToken: string,
  { seconds }: BenchSettings,
): Promise<number> {
  await callApi(served, apiToken, path)
  const cpu = served.cpuSeconds()
  const until = performance.now() + seconds * 1000
  let count = 0
  do {
    await callApi(served, apiToken, path)
    count++
  } while (performance.now() < until)
  return ((served.cpuSeconds() - cpu) * 1e6) / count
}
