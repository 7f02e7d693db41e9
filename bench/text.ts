/*
 * Tables of text, and what stands in their cells.
 */

/** So many first columns to the left, figures to the right. */
export function formatTextTable(rows: readonly (readonly string[])[], names = 1): string {
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

export const formatInteger = (n: number) => Math.round(n).toLocaleString('en')
export const formatMs = (n: number) => `${n.toFixed(2)} ms`
export const formatMicroseconds = (n: number) => (Number.isNaN(n) ? '–' : `${Math.round(n)} µs`)
export const formatAim = (aim: number | null) => (aim === null ? '' : `≥ ${aim.toFixed(2)}`)

export function formatAimMark(holds: boolean | null): string {
  if (holds === null) return ''
  return holds ? '✓' : '✗ missed'
}

const BAR_WIDTH = 50

/** A bar whose whole is so much, 1 where nothing else is said, and a line in it at the aim. */
export function drawBar(
  name: string,
  ratio: number,
  { aim = null, maximum = 1 }: { aim?: number | null; maximum?: number } = {},
): string {
  const at = (share: number) => Math.min(BAR_WIDTH, Math.round((share / maximum) * BAR_WIDTH))
  const cells: string[] = Array.from({ length: BAR_WIDTH }, (_, n) => (n < at(ratio) ? '█' : '·'))
  if (aim !== null) cells[at(aim)] = '│'
  return `${name.padEnd(22)}${cells.join('')} ${ratio.toFixed(2)}`
}

const SHORT_WIDTH = 20
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar for a table's cell, drawn to an eighth of a character. */
export function drawShortBar(ratio: number, maximum = 1): string {
  const eighths = Math.round(Math.min(1, ratio / maximum) * SHORT_WIDTH * 8)
  const drawn = '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]
  return drawn.padEnd(SHORT_WIDTH, '·')
}

/** The least and the most of many. */
export function formatSpread(values: readonly number[], write: (n: number) => string): string {
  return `${write(Math.min(...values))}–${write(Math.max(...values))}`
}

/** What is being done: a line that is rewritten on a terminal, nothing elsewhere. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** What has been done, for a terminal and a log alike. */
export function report(text: string): void {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${text}\n`)
}
