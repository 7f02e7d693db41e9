const BAR_WIDTH = 24
const REDRAW_INTERVAL_MS = 100

export interface ProgressBar {
  (done: number, total: number, label?: string): void
  /** Restores the terminal. */
  end(): void
}

/** Draws a bar and the rate on a terminal's last line; draws nothing if stderr is no terminal. */
export function createProgressBar(unit: string, { quiet }: { quiet: boolean }): ProgressBar {
  const terminal = process.stderr
  if (quiet || !terminal.isTTY) return Object.assign(() => undefined, { end: () => undefined })
  let started = performance.now()
  let before = 0
  let drawn = Number.NEGATIVE_INFINITY
  const draw = (done: number, total: number, label = '') => {
    const now = performance.now()
    // The next pass over the same rows begins.
    if (done < before) started = now
    before = done
    if (now - drawn < REDRAW_INTERVAL_MS && done < total) return
    drawn = now
    const share = total === 0 ? 1 : done / total
    const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '·')
    const rate = Math.round(done / Math.max(0.001, (now - started) / 1000))
    const figures = `${formatNumber(done)} of ${formatNumber(total)} ${unit}, ${formatNumber(rate)}/s`
    terminal.write(`\r\u001b[K${bar} ${Math.floor(share * 100)} %  ${figures}  ${label}`)
  }
  return Object.assign(draw, { end: () => void terminal.write('\r\u001b[K') })
}

const formatNumber = (n: number) => n.toLocaleString('en-US')
