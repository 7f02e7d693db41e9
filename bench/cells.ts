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
