import { html } from 'hono/html'
import type { Html } from './html.ts'

const WIDTH = 120
const HEIGHT = 24

/**
 * A small line of what happened on each day, the oldest first. `label` says it to who does not see it.
 * All bars are one path: a list has fifty of these.
 */
export function spark(values: readonly number[], label: string): Html {
  const most = Math.max(1, ...values)
  const step = WIDTH / Math.max(1, values.length)
  const width = round(step * 0.7)
  const bars = values.flatMap((value, n) => {
    if (value === 0) return []
    const height = round(Math.max(2, (value / most) * (HEIGHT - 2)))
    return [`M${round(n * step)} ${HEIGHT - 1}v-${height}h${width}v${height}z`]
  })
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}"><path d="M0 ${HEIGHT - 0.5}H${WIDTH}" stroke="currentColor" opacity="0.4"/><path d="${bars.join('')}" fill="currentColor"/></svg>`
}

const round = (n: number) => Math.round(n * 10) / 10
