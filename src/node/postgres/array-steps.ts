import type { Step } from '../../storage/engine.ts'

interface MergedStep extends Step {
  readonly rows: (readonly unknown[])[]
}

interface MergedGroup {
  readonly steps: readonly Step[]
  /** Returns the number of rows that each step of each list changed; 1 for a merged one. */
  splitCounts(counts: readonly number[]): number[][]
}

/**
 * Merges the equal steps with arrays that lists of a group begin with, so that PostgreSQL runs one statement for
 * all of them. They run before the other steps of the group, which cannot matter: at READ COMMITTED, others may
 * commit between any two steps of a list.
 */
export function mergeArraySteps(group: readonly (readonly Step[])[]): MergedGroup {
  const merged = new MergedSteps()
  const others: Step[] = []
  const mergedCounts: number[] = []
  for (const list of group) {
    const firstOther = list.findIndex(({ arrayTypes }) => arrayTypes === undefined)
    const mergedCount = firstOther === -1 ? list.length : firstOther
    mergedCounts.push(mergedCount)
    others.push(...list.slice(mergedCount))
    for (const step of list.slice(0, mergedCount)) merged.add(step)
  }
  return {
    steps: [...merged.values(), ...others],
    splitCounts(counts) {
      const otherCounts = counts.slice(merged.size)
      return group.map((list, n) => {
        const mergedCount = mergedCounts[n] ?? 0
        return [
          ...Array<number>(mergedCount).fill(1),
          ...otherCounts.splice(0, list.length - mergedCount),
        ]
      })
    },
  }
}

/** Equal steps with arrays as one, by their SQL. */
export class MergedSteps extends Map<string, MergedStep> {
  add(step: Step): void {
    const { sql, values, rows = [values] } = step
    const equal = this.get(sql)
    if (equal === undefined) this.set(sql, { ...step, rows: [...rows] })
    else equal.rows.push(...rows)
  }
}
