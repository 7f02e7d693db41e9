/*
 * Tables of text, and what stands in their cells.
 */

/** So many first columns to the left, figures to the right. */
export function table(rows: readonly (readonly string[])[], names = 1): string {
  const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, n) => (n < names ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export const count = (n: number) => Math.round(n).toLocaleString('en')
export const ms = (n: number) => `${n.toFixed(2)} ms`
export const us = (n: number) => (Number.isNaN(n) ? '–' : `${Math.round(n)} µs`)
export const aimOf = (aim: number | null) => (aim === null ? '' : `≥ ${aim.toFixed(2)}`)

export function mark(holds: boolean | null): string {
  if (holds === null) return ''
  return holds ? '✓' : '✗ missed'
}

const BAR_WIDTH = 50

/** A bar whose whole is so much, 1 where nothing else is said, and a line in it at the aim. */
export function bar(
  name: string,
  ratio: number,
  { aim = null, whole = 1 }: { aim?: number | null; whole?: number } = {},
): string {
  const at = (share: number) => Math.min(BAR_WIDTH, Math.round((share / whole) * BAR_WIDTH))
  const cells: string[] = Array.from({ length: BAR_WIDTH }, (_, n) => (n < at(ratio) ? '█' : '·'))
  if (aim !== null) cells[at(aim)] = '│'
  return `${name.padEnd(22)}${cells.join('')} ${ratio.toFixed(2)}`
}

const SHORT_WIDTH = 20
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar for a table's cell, drawn to an eighth of a character. */
export function shortBar(ratio: number, whole = 1): string {
  const eighths = Math.round(Math.min(1, ratio / whole) * SHORT_WIDTH * 8)
  const drawn = '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]
  return drawn.padEnd(SHORT_WIDTH, '·')
}

/** The least and the most of many. */
export function spread(values: readonly number[], write: (n: number) => string): string {
  return `${write(Math.min(...values))}–${write(Math.max(...values))}`
}
