/** How often a key was used on one day; the days are counted from 1970 on, UTC. */
export interface DayOfUse {
  readonly day: number
  readonly uses: number
}

export const DAYS_SHOWN = 30
const DAY_MS = 86_400_000

/** The first of the days that are shown on this one. */
export const firstDay = (now: number): number => Math.floor(now / DAY_MS) - DAYS_SHOWN + 1

/** 2026-01-31 */
export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)

const BLOCKS = '▁▂▃▄▅▆▇█'

/**
 * A character for each day from `from` on, as high as the day's share of the busiest one. A dot is a
 * day without use: the least use is more than none.
 */
export function drawUses(days: readonly DayOfUse[], from: number): string {
  const usesOn = new Map(days.map(({ day, uses }) => [day, uses]))
  const most = Math.max(...usesOn.values())
  const line = Array.from({ length: DAYS_SHOWN }, (_, n) => {
    const uses = usesOn.get(from + n) ?? 0
    return uses === 0 ? '·' : BLOCKS.charAt(Math.ceil((uses / most) * BLOCKS.length) - 1)
  }).join('')
  const sum = days.reduce((total, { uses }) => total + uses, 0)
  return `${line} ${sum} in ${DAYS_SHOWN} days`
}
