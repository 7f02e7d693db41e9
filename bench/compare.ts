import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type BenchCase, CLIENT_CASES } from './cases.ts'
import { startEngineServer } from './engines.ts'
import {
  computeRatio,
  type Figures,
  type LoadLane,
  type LoadScript,
  loadInTurn,
  summarizeRounds,
} from './load.ts'
import { type BenchClient, seedClients } from './oauth.ts'
import type { BenchEngineName, BenchSettings } from './options.ts'
import { type BenchServer, type ProcessMemory, sampleResponse, startBareServer } from './process.ts'
import { type BenchApiKeys, type BenchVendor, seedApiKeys, seedVendors } from './seed.ts'
import { report, showProgress } from './text.ts'

/** A server that is measured in turn with bare Hono and others. */
export interface Contender {
  readonly label: string
  readonly served: BenchServer
  /** Returns one script for each connection. */
  prepare(benchCase: BenchCase, connections: number): Promise<LoadScript[]>
}

/** The figures of one case and one server, beside bare Hono. */
export interface Comparison {
  readonly name: string
  /** The contender, which is the engine in a comparison of engines. */
  readonly label: string
  /** CPU of bare Hono for one response divided by that of this server; NaN where it is not known. */
  readonly share: number
  /** CPU of this server for one response divided by that of the first contender. */
  readonly timesFirst: number
  readonly figures: Figures
  readonly bare: Figures
  /** The median delay of a response while one connection has requests. */
  readonly aloneP50Ms: number
  /** Memory of the server's process: the maximum at the end of a round. */
  readonly memory: ProcessMemory | null
}

/** Measures every case: in each round bare Hono, then Latchkey on each engine, never two at once. */
export async function runComparison(
  folder: string,
  settings: BenchSettings,
): Promise<Comparison[]> {
  const seeded = await seedCallers(join(folder, 'seeded'), settings)
  const comparisons: Comparison[] = []
  for (const cases of groupBySettings(settings.cases)) {
    const contenders: Contender[] = []
    try {
      for (const engine of settings.engines) {
        const lane = mkdirIn(folder, `${engine}-${cases[0]?.name}`)
        contenders.push(await startContender(engine, lane, seeded, settings, cases[0]?.settings))
      }
      for (const one of cases) {
        comparisons.push(...(await compareCase(folder, one, contenders, settings)))
      }
    } finally {
      for (const { served } of contenders) await served.stop()
    }
  }
  return comparisons
}

/** Groups cases that one server can answer. */
function groupBySettings(cases: readonly BenchCase[]): BenchCase[][] {
  return [...Map.groupBy(cases, ({ settings }) => settings).values()]
}

/** A data folder and the callers that it knows. */
export interface SeededCallers {
  readonly dataDir: string
  readonly vendors: readonly BenchVendor[]
  readonly apiKeys: BenchApiKeys
  readonly clients: readonly BenchClient[]
}

export async function seedCallers(
  dataDir: string,
  { vendors: active, cases, customerKeys, connections }: BenchSettings,
  keys = active,
): Promise<SeededCallers> {
  showProgress(`seeding ${keys} keys`)
  mkdirSync(dataDir, { mode: 0o700 })
  const vendors = await seedVendors(dataDir, { keys, active })
  const needsCustomerKeys = cases.some(({ name }) => name === 'api-key-opendental')
  const apiKeys = await seedApiKeys(dataDir, needsCustomerKeys ? customerKeys : 1)
  const needsClients = cases.some(({ name }) => CLIENT_CASES.includes(name))
  const clients = needsClients ? await seedClients(dataDir, connections) : []
  return { dataDir, vendors, apiKeys, clients }
}

/** Starts Latchkey on this engine, in a new folder with a copy of the seeded one. */
export async function startContender(
  engine: BenchEngineName,
  folder: string,
  { dataDir, vendors, apiKeys, clients }: SeededCallers,
  settings: BenchSettings,
  latchkeySettings: Readonly<Record<string, string>> = {},
): Promise<Contender> {
  showProgress(`starting ${engine}`)
  const served = await startEngineServer(engine, folder, dataDir, settings, latchkeySettings)
  return {
    label: engine,
    served,
    prepare: (benchCase, connections) =>
      benchCase.prepare({ port: served.port, vendors, apiKeys, clients }, connections),
  }
}

export function mkdirIn(folder: string, name: string): string {
  const path = join(folder, name)
  mkdirSync(path)
  return path
}

/** Compares one case; bare Hono returns what the first contender does. */
export async function compareCase(
  folder: string,
  benchCase: BenchCase,
  contenders: readonly Contender[],
  settings: BenchSettings,
): Promise<Comparison[]> {
  const { name } = benchCase
  const { connections } = settings
  showProgress(`${name}: preparing`)
  const lanes: LoadLane[] = []
  for (const { label, served, prepare } of contenders) {
    lanes.push({ label, served, scripts: await prepare(benchCase, connections) })
  }
  const [first] = contenders
  const [sampling] = lanes[0]?.scripts ?? []
  if (first === undefined || sampling === undefined) throw new Error('there is no one to compare')
  const sample = await sampleResponse(first.served.port, sampling.next())
  sampling.answered?.(sample.body)
  const bare = await startBareServer(folder, sample)
  try {
    // Bare Hono always returns the sample, whatever it reads.
    const bareScripts = await first.prepare(benchCase, connections)
    const bareLane = { label: 'bare', served: bare, scripts: bareScripts }
    const [base, ...loaded] = await loadInTurn(name, [bareLane, ...lanes], settings)
    const firstRounds = loaded[0]?.rounds ?? []
    const comparisons = loaded.map(({ rounds, memory, aloneP50Ms }, n) => ({
      name,
      label: contenders[n]?.label ?? '',
      share: computeRatio(base?.rounds ?? [], rounds, 'cpuUs'),
      timesFirst: computeRatio(rounds, firstRounds, 'cpuUs'),
      figures: summarizeRounds(rounds),
      bare: summarizeRounds(base?.rounds ?? []),
      aloneP50Ms,
      memory,
    }))
    const shares = comparisons.map(({ label, share }) => `${label} ${share.toFixed(2)}`)
    report(`${name}: ${shares.join(', ')} of bare Hono`)
    return comparisons
  } finally {
    await bare.stop()
  }
}
