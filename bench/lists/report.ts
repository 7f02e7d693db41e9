import { mark, shortBar, table } from '../cells.ts'
import type { Listed } from './measure.ts'

/** Nobody notices that he has waited so long. */
export const AIM_MS = 100

/** The whole bar is the aim. */
export function writeLists(lists: readonly Listed[], markdown = false): string {
  const rows = lists.map((one) => [
    one.question,
    one.engine === 'sqlite' ? 'SQLite' : 'PostgreSQL',
    whole(one.cpuMs),
    whole(one.wallMs),
    markdown ? `\`${drawn(one)}\`` : `${drawn(one)} ${mark(msOf(one) < AIM_MS)}`,
  ])
  const head = ['question', 'engine', 'CPU', 'until the answer', `of ${AIM_MS} ms`]
  if (!markdown) return table([head, ...rows], 2)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

/** CPU says more where the machine has other work. */
const msOf = ({ cpuMs, wallMs }: Listed) => (Number.isNaN(cpuMs) ? wallMs : cpuMs)
const drawn = (one: Listed) => shortBar(msOf(one), AIM_MS)
const whole = (ms: number) =>
  Number.isNaN(ms) ? '–' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
