import type { Comparison } from './compare.ts'
import { GROWTH_TOLERANCE, type Growth } from './growth.ts'
import { type Figures, maxMemory } from './load.ts'
import type { MachineDescription, ProcessMemory } from './process.ts'
import {
  drawBar,
  formatAim,
  formatAimMark,
  formatInteger,
  formatMicroseconds,
  formatMs,
  formatTextTable,
} from './text.ts'

/** The server must fit beside others on a small machine. */
export const MEMORY_AIM_MB = 200

export function formatMachine({
  cores,
  cpu,
  node,
  sqlite,
  fileSystem,
  pinned,
}: MachineDescription): string {
  const where = pinned ? 'server and load on a core each' : 'server and load not pinned to cores'
  return `${cores} × ${cpu}, Node ${node}, SQLite ${sqlite}, ${fileSystem}; ${where}`
}

export function formatComparisons(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ name, latchkey, bare, ratio, aim, holds }) => [
    name,
    formatInteger(latchkey.perSecond),
    formatMs(latchkey.p50Ms),
    formatMs(latchkey.p99Ms),
    formatMicroseconds(latchkey.cpuUs),
    formatMicroseconds(bare.cpuUs),
    formatInteger(bare.perSecond),
    ratio.toFixed(2),
    formatAim(aim),
    formatAimMark(holds),
  ])
  const head = ['case', 'requests/s', 'p50', 'p99', 'CPU', 'bare CPU', 'bare/s', 'ratio', 'aim', '']
  const memory = comparisons.map((one) => one.memory).reduce(maxMemory, null)
  return [
    formatTextTable([head, ...rows]),
    '',
    ...comparisons.map(drawComparisonBar),
    '',
    formatMemory(memory),
  ].join('\n')
}

export function formatGrowths(growths: readonly Growth[]): string {
  const sizes = growths[0]?.sizes.map(({ keys }) => keys) ?? []
  const head = ['case', ...sizes.map((keys) => `${formatInteger(keys)} keys`), 'ratio', 'aim', '']
  const rows = growths.map((growth) => [
    growth.name,
    ...growth.sizes.map(({ figures }) => `${formatInteger(figures.perSecond)}/s`),
    growth.sizes.at(-1)?.ratio.toFixed(2) ?? '',
    formatAim(1 - GROWTH_TOLERANCE),
    formatAimMark(growth.holds),
  ])
  const memory = growths
    .flatMap((growth) => growth.sizes.map((size) => size.memory))
    .reduce(maxMemory, null)
  return [formatTextTable([head, ...rows]), '', formatMemory(memory)].join('\n')
}

export const isMemoryWithinAim = (memory: ProcessMemory | null) =>
  memory === null || memory.rssMb < MEMORY_AIM_MB

function formatMemory(memory: ProcessMemory | null): string {
  if (memory === null) return 'memory: this system does not tell'
  const { rssMb, peakMb } = memory
  const figures = `${formatInteger(rssMb)} MB at the end of a round, ${formatInteger(peakMb)} MB at most`
  return `memory: ${figures}; aim < ${MEMORY_AIM_MB} MB ${formatAimMark(isMemoryWithinAim(memory))}`
}

/** The whole bar is bare Hono; the line in it is the aim. */
const drawComparisonBar = ({ name, ratio, aim }: Comparison) => drawBar(name, ratio, { aim })

const ENGINE_TABLE_HEAD = ['case', 'engine', 'requests/s', 'p50', 'p99', 'CPU', 'ratio', 'aim', '']

/** The engines side by side: of each case a row for bare Hono, and one for each engine. */
export function formatEngines(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap(({ name, engine, latchkey, bare, ratio, aim, holds }, n) => {
    const own = [
      name,
      engine,
      ...formatFigures(latchkey, ratio),
      formatAim(aim),
      formatAimMark(holds),
    ]
    const isFirst = comparisons[n - 1]?.name !== name
    return isFirst ? [[name, 'bare Hono', ...formatFigures(bare, 1)], own] : [own]
  })
  return formatTextTable([ENGINE_TABLE_HEAD, ...rows], 2)
}

const formatFigures = ({ perSecond, p50Ms, p99Ms, cpuUs }: Figures, ratio: number): string[] => [
  formatInteger(perSecond),
  formatMs(p50Ms),
  formatMs(p99Ms),
  formatMicroseconds(cpuUs),
  ratio.toFixed(2),
]
