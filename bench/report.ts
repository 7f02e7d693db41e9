import { aimOf, bar, count, mark, ms, table, us } from './cells.ts'
import type { Comparison } from './compare.ts'
import { largest } from './figures.ts'
import { type Growth, TOLERANCE } from './growth.ts'
import type { Machine } from './machine.ts'
import type { Memory } from './processes.ts'

/** The server must fit beside others on a small machine. */
export const MEMORY_AIM_MB = 200

export function writeMachine({ cores, cpu, node, sqlite, fileSystem, pinned }: Machine): string {
  const where = pinned ? 'server and load on a core each' : 'server and load not pinned to cores'
  return `${cores} × ${cpu}, Node ${node}, SQLite ${sqlite}, ${fileSystem}; ${where}`
}

export function writeComparisons(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ name, latchkey, bare, ratio, aim, holds }) => [
    name,
    count(latchkey.perSecond),
    ms(latchkey.p50Ms),
    ms(latchkey.p99Ms),
    us(latchkey.cpuUs),
    us(bare.cpuUs),
    count(bare.perSecond),
    ratio.toFixed(2),
    aimOf(aim),
    mark(holds),
  ])
  const head = ['case', 'requests/s', 'p50', 'p99', 'CPU', 'bare CPU', 'bare/s', 'ratio', 'aim', '']
  const memory = comparisons.map((one) => one.memory).reduce(largest, null)
  return [table([head, ...rows]), '', ...comparisons.map(barOf), '', writeMemory(memory)].join('\n')
}

export function writeGrowths(growths: readonly Growth[]): string {
  const sizes = growths[0]?.sizes.map(({ keys }) => keys) ?? []
  const head = ['case', ...sizes.map((keys) => `${count(keys)} keys`), 'ratio', 'aim', '']
  const rows = growths.map((growth) => [
    growth.name,
    ...growth.sizes.map(({ figures }) => `${count(figures.perSecond)}/s`),
    growth.sizes.at(-1)?.ratio.toFixed(2) ?? '',
    aimOf(1 - TOLERANCE),
    mark(growth.holds),
  ])
  const memory = growths
    .flatMap((growth) => growth.sizes.map((size) => size.memory))
    .reduce(largest, null)
  return [table([head, ...rows]), '', writeMemory(memory)].join('\n')
}

export const memoryHolds = (memory: Memory | null) =>
  memory === null || memory.rssMb < MEMORY_AIM_MB

function writeMemory(memory: Memory | null): string {
  if (memory === null) return 'memory: this system does not tell'
  const { rssMb, peakMb } = memory
  const figures = `${count(rssMb)} MB at the end of a round, ${count(peakMb)} MB at most`
  return `memory: ${figures}; aim < ${MEMORY_AIM_MB} MB ${mark(memoryHolds(memory))}`
}

/** The whole bar is bare Hono; the line in it is the aim. */
const barOf = ({ name, ratio, aim }: Comparison) => bar(name, ratio, { aim })
