import { aimOf, count, mark, ms, table, us } from './cells.ts'
import type { Comparison } from './compare.ts'
import type { Figures } from './figures.ts'

const HEAD = ['case', 'engine', 'requests/s', 'p50', 'p99', 'CPU', 'ratio', 'aim', '']

/** The engines side by side: of each case a row for bare Hono, and one for each engine. */
export function writeEngines(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap(({ name, engine, latchkey, bare, ratio, aim, holds }, n) => {
    const own = [name, engine, ...cells(latchkey, ratio), aimOf(aim), mark(holds)]
    const isFirst = comparisons[n - 1]?.name !== name
    return isFirst ? [[name, 'bare Hono', ...cells(bare, 1)], own] : [own]
  })
  return table([HEAD, ...rows], 2)
}

const cells = ({ perSecond, p50Ms, p99Ms, cpuUs }: Figures, ratio: number): string[] => [
  count(perSecond),
  ms(p50Ms),
  ms(p99Ms),
  us(cpuUs),
  ratio.toFixed(2),
]
