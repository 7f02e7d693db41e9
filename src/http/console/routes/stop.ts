import { html } from 'hono/html'
import { type Html, nothing } from '../parts/html.ts'

/** A stop of a route that is drawn: what is there, and how it gets on. */
export const stop = (
  kind: string,
  name: Html | string,
  what: Html | string,
  isAfter = true,
): Html => html`
  <li>${isAfter ? html`<span class="then" aria-hidden="true">→</span>` : nothing}<div class="stop stack tight"><span class="small soft">${kind}</span><strong>${name}</strong><span class="small">${what}</span></div></li>`
