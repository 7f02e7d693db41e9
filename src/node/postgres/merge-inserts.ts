import type { Step } from '../../storage/engine.ts'
import type { PipelineStep } from './statements.ts'

interface MergedInsert extends PipelineStep {
  readonly rows: (readonly unknown[])[]
}

interface MergedGroup {
  readonly steps: readonly PipelineStep[]
  /** Returns the number of rows that each step of each list changed. */
  splitCounts(counts: readonly number[]): number[][]
}

/**
 * Merges the equal inserts that lists of a group begin with, so that PostgreSQL runs one statement for all of
 * their rows. They run before the other steps of the group, which cannot matter: at READ COMMITTED, others may
 * commit between any two steps of a list.
 */
export function mergeInserts(group: readonly (readonly Step[])[]): MergedGroup {
  const inserts = new Map<string, MergedInsert>()
  const others: Step[] = []
  const insertCounts: number[] = []
  for (const list of group) {
    const firstOther = list.findIndex(({ arrayTypes }) => arrayTypes === undefined)
    const insertCount = firstOther === -1 ? list.length : firstOther
    insertCounts.push(insertCount)
    others.push(...list.slice(insertCount))
    for (const step of list.slice(0, insertCount)) {
      const merged = inserts.get(step.sql)
      if (merged === undefined) inserts.set(step.sql, { ...step, rows: [step.values] })
      else merged.rows.push(step.values)
    }
  }
  return {
    steps: [...inserts.values(), ...others],
    splitCounts(counts) {
      const otherCounts = counts.slice(inserts.size)
      // An insert adds its row, or fails the group.
      return group.map((list, n) => {
        const insertCount = insertCounts[n] ?? 0
        return [
          ...Array<number>(insertCount).fill(1),
          ...otherCounts.splice(0, list.length - insertCount),
        ]
      })
    },
  }
}
