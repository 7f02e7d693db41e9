import { BENCH_CASES } from './cases.ts'
import type { Comparison } from './compare.ts'
import type { AcceptedResult } from './delivery/accepted.ts'
import { type ArrivalResult, MAX_SLOWDOWN_RATIO } from './delivery/arrival.ts'
import type { DeliveryResults } from './delivery/delivery.ts'
import { type GrowthResult, LIST_TARGET_KEYS } from './growth.ts'
import { type ImportResult, MAX_HASH_IMPORT_SECONDS, MAX_P99_RATIO } from './import.ts'
import { type Figures, maxMemory } from './load.ts'
import type { BenchEngineName } from './options.ts'
import {
  computeNeededUs,
  PRIMITIVES,
  type PrimitiveCosts,
  type PrimitiveName,
} from './primitives.ts'
import type { MachineDescription, ProcessMemory } from './process.ts'
import { MAX_ADDED_MS, type StallResult } from './stall/stall.ts'
import type { Startup } from './startup.ts'
import {
  formatDelay,
  formatInteger,
  formatMarkdownTable,
  formatMicroseconds,
  formatMs,
  formatRatio,
} from './text.ts'

/** The server must fit beside others on a small machine. */
const MEMORY_TARGETS_MB = { idle: 100, loaded: 150 }

const ENGINE_LABELS = { sqlite: 'SQLite', postgres: 'PostgreSQL', d1: 'D1 in workerd' } as const
const FATE_LABELS = {
  delivered: 'accepted, and delivered meanwhile',
  down: 'accepted, its destination down',
} as const

export function formatMachine({
  cores,
  cpu,
  node,
  sqlite,
  fileSystem,
  pinned,
  load,
}: MachineDescription): string {
  const where = pinned ? 'server and load on a core each' : 'server and load not pinned to cores'
  return `${cores} × ${cpu}, Node ${node}, SQLite ${sqlite}, ${fileSystem}, load ${load.toFixed(1)}; ${where}`
}

/** `costs` is null if SQLite was not measured, whose limits it gives. */
export function formatComparisons(
  comparisons: readonly Comparison[],
  costs: PrimitiveCosts | null,
): string {
  const head = [
    'case',
    'engine',
    'requests/s',
    'p50',
    'p99',
    'p50 of one connection',
    'CPU of one response',
    'of bare Hono',
    'share of bare Hono',
    'target',
    'limit',
  ]
  const rows = comparisons.map(({ name, label, figures, aloneP50Ms, bare, share }) => {
    const engine = label as BenchEngineName
    const benchCase = BENCH_CASES.find((one) => one.name === name)
    const target = benchCase?.targets[engine]
    const maxAloneMs = engine === 'sqlite' ? benchCase?.maxAloneMs : undefined
    return [
      benchCase?.title ?? name,
      ENGINE_LABELS[engine],
      formatInteger(figures.perSecond),
      formatMs(figures.p50Ms),
      formatMs(figures.p99Ms),
      formatDelay(aloneP50Ms),
      formatCpu(figures),
      formatCpu(bare),
      formatRatio(share),
      [
        target === undefined ? '' : `≥ ${target.toFixed(2)} ${formatVerdict(share >= target)}`,
        maxAloneMs === undefined
          ? ''
          : `≤ ${formatDelay(maxAloneMs)} ${formatVerdict(aloneP50Ms <= maxAloneMs)}`,
      ]
        .filter((text) => text !== '')
        .join(', '),
      engine === 'sqlite' && costs !== null && benchCase !== undefined
        ? formatLimit(bare.cpuUs, computeNeededUs(costs, benchCase.needs))
        : '',
    ]
  })
  const memory = comparisons.map((one) => one.memory).reduce(maxMemory, null)
  const formatted = formatMemory(memory, MEMORY_TARGETS_MB.loaded)
  const tables = [formatMarkdownTable(head, rows), `Memory at the end of a round: ${formatted}.`]
  if (costs !== null) tables.push(formatPrimitives(costs))
  return tables.join('\n\n')
}

/** Formats the share that bare Hono has of itself and of the work that the case cannot do without. */
const formatLimit = (bareUs: number, neededUs: number) =>
  `${(bareUs / (bareUs + neededUs)).toFixed(2)} (${formatMicroseconds(bareUs + neededUs)})`

const formatPrimitives = (costs: PrimitiveCosts): string =>
  formatMarkdownTable(
    ['primitive', 'CPU', 'in each of'],
    Object.entries(PRIMITIVES).map(([name, title]) => [
      title,
      `${costs[name as PrimitiveName].toFixed(1)} µs`,
      BENCH_CASES.flatMap(({ name: caseName, needs }) => {
        const count = needs[name as PrimitiveName]
        return count === undefined ? [] : [count === 1 ? caseName : `${caseName} (${count} times)`]
      }).join(', '),
    ]),
  )

/** The columns are the numbers of keys. */
export function formatGrowth(results: readonly GrowthResult[]): string {
  const sizes = Object.keys(results[0]?.cpuUs ?? {})
  const head = [
    'CPU of one response',
    'engine',
    ...sizes.map((size) => (size === '1' ? 'one key' : `${size} keys`)),
    'growth',
    `target with ${LIST_TARGET_KEYS}`,
  ]
  const rows = results.map(({ work, engine, cpuUs, maxUs }) => {
    const figures = sizes.map((size) => cpuUs[size] ?? Number.NaN)
    const growth = (figures.at(-1) ?? Number.NaN) / (figures[0] ?? Number.NaN)
    const judged = cpuUs[LIST_TARGET_KEYS]
    return [
      work,
      ENGINE_LABELS[engine],
      ...figures.map(formatMicroseconds),
      `× ${growth.toFixed(2)}`,
      maxUs === null || judged === undefined
        ? ''
        : `≤ ${formatMicroseconds(maxUs)} ${formatVerdict(judged <= maxUs)}`,
    ]
  })
  return formatMarkdownTable(head, rows)
}

export const formatStartups = (startups: readonly Startup[]): string =>
  formatMarkdownTable(
    ['start', 'CPU', 'target', 'memory then'],
    startups.map(({ name, cpuMs, targetMs, memory }) => [
      name,
      formatMs(cpuMs),
      targetMs === null ? '' : `≤ ${targetMs} ms ${formatVerdict(cpuMs <= targetMs)}`,
      memory === null ? '' : formatMemory(memory, MEMORY_TARGETS_MB.idle),
    ]),
  )

export const formatStalls = (stalls: readonly StallResult[]): string =>
  formatMarkdownTable(
    ['exchanges beside', 'engine', 'times', 'p50', 'p99', 'added to the p99', 'target'],
    stalls.map(({ disturber, engine, times, figures, addedMs }) => [
      disturber,
      ENGINE_LABELS[engine],
      addedMs === null ? '' : formatInteger(times),
      formatMs(figures.p50Ms),
      formatMs(figures.p99Ms),
      addedMs === null ? '' : formatMs(addedMs),
      addedMs === null ? '' : `≤ ${MAX_ADDED_MS} ms ${formatVerdict(addedMs <= MAX_ADDED_MS)}`,
    ]),
  )

export const formatImports = (imports: readonly ImportResult[]): string =>
  formatMarkdownTable(
    [
      'import',
      'engine',
      'rows',
      'time',
      'rows/s',
      'CPU',
      'p99 of exchanges alone',
      'beside it',
      'target',
    ],
    imports.map(({ importCase, engine, rows, seconds, cpuSeconds, undisturbed, beside }) => {
      const ratio = beside.p99Ms / undisturbed.p99Ms
      const isInTime = importCase === 'secrets-by-api' || seconds <= MAX_HASH_IMPORT_SECONDS
      const time = importCase === 'secrets-by-api' ? '' : `≤ ${MAX_HASH_IMPORT_SECONDS} s, `
      return [
        importCase.replaceAll('-', ' '),
        ENGINE_LABELS[engine],
        formatInteger(rows),
        `${seconds.toFixed(1)} s`,
        formatInteger(rows / seconds),
        `${cpuSeconds.toFixed(1)} s`,
        formatMs(undisturbed.p99Ms),
        `${formatMs(beside.p99Ms)} (× ${ratio.toFixed(2)})`,
        `${time}× ≤ ${MAX_P99_RATIO} ${formatVerdict(isInTime && ratio <= MAX_P99_RATIO)}`,
      ]
    }),
  )

/** The median of the rounds, and the least and the most of them. */
export function formatCpu({ cpuUs, rounds }: Figures): string {
  const all = rounds.map((round) => Math.round(round.cpuUs))
  return Number.isNaN(cpuUs)
    ? '–'
    : `${formatMicroseconds(cpuUs)} (${Math.min(...all)}–${Math.max(...all)})`
}

const formatVerdict = (isMet: boolean) => (isMet ? '✓' : '✗ missed')

function formatMemory(memory: ProcessMemory | null, targetMb: number): string {
  if (memory === null) return 'not known on this system'
  const { rssMb } = memory
  return `${formatInteger(rssMb)} MB, target ≤ ${targetMb} MB ${formatVerdict(rssMb <= targetMb)}`
}

export const formatDelivery = ({ accepted, arrivals }: DeliveryResults): string =>
  [
    ...(accepted.length === 0 ? [] : [formatAccepted(accepted)]),
    ...(arrivals.length === 0 ? [] : [formatArrivals(arrivals)]),
  ].join('\n\n')

function formatAccepted(accepted: readonly AcceptedResult[]): string {
  const head = [
    'a 2 KB message',
    'engine',
    'accepted/s',
    'accepted and arrived/s',
    'p50',
    'p99',
    'CPU of one',
    'share of bare Hono',
  ]
  const rows = accepted.map(({ fate, engine, latchkey, ratio, arrivedPerSecond }) => [
    FATE_LABELS[fate],
    ENGINE_LABELS[engine],
    formatInteger(latchkey.perSecond),
    arrivedPerSecond === null ? '–' : formatInteger(arrivedPerSecond),
    formatMs(latchkey.p50Ms),
    formatMs(latchkey.p99Ms),
    formatMicroseconds(latchkey.cpuUs),
    formatRatio(ratio),
  ])
  return formatMarkdownTable(head, rows)
}

function formatArrivals(arrivals: readonly ArrivalResult[]): string {
  const head = [
    'at half load',
    'engine',
    'messages/s',
    'until the 200: p50',
    'p99',
    'from it to arrival: p50',
    'p99',
    'times the undisturbed p99',
  ]
  const rows = arrivals.map(({ hanging, engine, rate, figures, ratio }) => [
    hanging === 0 ? 'undisturbed' : `${hanging} hanging`,
    ENGINE_LABELS[engine],
    formatInteger(rate),
    formatMs(figures.answer.p50Ms),
    formatMs(figures.answer.p99Ms),
    formatMs(figures.arrival.p50Ms),
    formatMs(figures.arrival.p99Ms),
    ratio === null ? '' : formatRatio(ratio, 2 * MAX_SLOWDOWN_RATIO),
  ])
  return formatMarkdownTable(head, rows)
}
