/** Rows under headings: two blanks between columns, no colour. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return alignRows([headings.map((heading) => heading.toUpperCase()), ...rows])
}

/** Each row a line, each column as wide as its widest cell. */
export function alignRows(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(oneLine))
  const widths: number[] = []
  for (const row of clean) {
    for (const [n, cell] of row.entries()) widths[n] = Math.max(widths[n] ?? 0, width(cell))
  }
  return clean
    .map((row) => {
      const cells = row.map((cell, n) => cell + ' '.repeat((widths[n] ?? 0) - width(cell)))
      return `${cells.join('  ').trimEnd()}\n`
    })
    .join('')
}

/** A control character in a value must not steer a terminal. */
const oneLine = (cell: string) => cell.replace(/\p{Cc}/gu, '\u{fffd}')

/** Code points: wide characters are rare in what is listed here. */
const width = (cell: string) => [...cell].length
