import { html } from 'hono/html'
import { type Html, nothing } from './html.ts'

const WIDTH = 120
const HEIGHT = 24

/** A small line of what happened on each day, the oldest first. `label` says it to who does not see it. */
export function spark(values: readonly number[], label: string): Html {
  const most = Math.max(1, ...values)
  const step = WIDTH / Math.max(1, values.length)
  const bars = values.map((value, n) => {
    const height = value === 0 ? 1 : Math.max(2, (value / most) * HEIGHT)
    const opacity = value === 0 ? '0.35' : '1'
    return html`<rect x="${round(n * step)}" y="${round(HEIGHT - height)}" width="${round(step * 0.7)}" height="${round(height)}" opacity="${opacity}" fill="currentColor"/>`
  })
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${
    values.length === 0 ? nothing : bars
  }</svg>`
}

const round = (n: number) => Math.round(n * 10) / 10
