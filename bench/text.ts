export const formatInteger = (n: number) => Math.round(n).toLocaleString('en')

/** Three digits, whatever the size. */
export const formatMs = (n: number) =>
  Math.abs(n) < 100 ? `${n.toFixed(1)} ms` : `${formatInteger(n)} ms`

/** Two digits after the point, for delays below a millisecond. */
export const formatDelay = (n: number) => `${n.toFixed(2)} ms`

export const formatMicroseconds = (n: number) => (Number.isNaN(n) ? '–' : `${formatInteger(n)} µs`)

const BAR_WIDTH = 20
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Draws a bar for a table's cell, to an eighth of a character. */
export function drawBar(ratio: number, maximum = 1): string {
  const eighths = Math.round(Math.min(1, ratio / maximum) * BAR_WIDTH * 8)
  const drawn = '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]
  return drawn.padEnd(BAR_WIDTH, '·')
}

export const formatRatio = (ratio: number, maximum = 1) =>
  Number.isNaN(ratio) ? '–' : `${ratio.toFixed(2)} \`${drawBar(ratio, maximum)}\``

export function formatMarkdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const formatRow = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [formatRow(head), `|${'---|'.repeat(head.length)}`, ...rows.map(formatRow)].join('\n')
}

/** Shows what is being done: rewrites a line on a terminal, prints nothing elsewhere. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** Prints what has been done, on a terminal and in a log alike. */
export function report(text: string): void {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${text}\n`)
}
