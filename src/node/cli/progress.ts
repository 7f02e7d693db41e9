const WIDTH = 24
const EVERY_MS = 100

export interface Progress {
  (done: number, all: number, what?: string): void
  /** Leaves the terminal as it was. */
  end(): void
}

/** A bar on a terminal's last line, with the rate; nothing where nobody watches. */
export function progressBar(unit: string, { quiet }: { quiet: boolean }): Progress {
  const terminal = process.stderr
  if (quiet || !terminal.isTTY) return Object.assign(() => undefined, { end: () => undefined })
  let started = performance.now()
  let before = 0
  let drawn = Number.NEGATIVE_INFINITY
  const draw = (done: number, all: number, what = '') => {
    const now = performance.now()
    // Another pass over the same begins.
    if (done < before) started = now
    before = done
    if (now - drawn < EVERY_MS && done < all) return
    drawn = now
    const share = all === 0 ? 1 : done / all
    const bar = '█'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '·')
    const rate = Math.round(done / Math.max(0.001, (now - started) / 1000))
    const figures = `${number(done)} of ${number(all)} ${unit}, ${number(rate)}/s`
    terminal.write(`\r\u001b[K${bar} ${Math.floor(share * 100)} %  ${figures}  ${what}`)
  }
  return Object.assign(draw, { end: () => void terminal.write('\r\u001b[K') })
}

const number = (n: number) => n.toLocaleString('en-US')
