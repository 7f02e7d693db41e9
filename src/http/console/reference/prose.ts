import { html } from 'hono/html'
import type { Html } from '../parts/html.ts'

/** A description: what stands between backticks is code. */
export const prose = (text: string): Html =>
  html`${text.split('`').map((part, n) => (n % 2 === 1 ? html`<code>${part}</code>` : part))}`
