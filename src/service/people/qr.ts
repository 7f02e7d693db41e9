import { encode } from 'uqr'

/** A QR code as the data of one SVG path, in a square of so many modules. */
export interface Qr {
  readonly size: number
  readonly path: string
}

/** ISO/IEC 18004: four modules of nothing all around. */
const QUIET_ZONE = 4

export function drawQr(text: string): Qr {
  const { size, data } = encode(text, { ecc: 'M', border: QUIET_ZONE })
  const runs = data.flatMap((row, y) => runsOf(row).map(([x, length]) => draw(x, y, length)))
  return { size, path: runs.join('') }
}

const draw = (x: number, y: number, length: number) => `M${x} ${y}h${length}v1h-${length}z`

/** Where dark modules begin, and how many follow each other. */
function runsOf(row: readonly boolean[]): [start: number, length: number][] {
  const runs: [number, number][] = []
  for (const [x, dark] of row.entries()) {
    const last = runs.at(-1)
    if (!dark) continue
    if (last !== undefined && last[0] + last[1] === x) last[1]++
    else runs.push([x, 1])
  }
  return runs
}
