import { html } from 'hono/html'
import type { Html } from '../parts/html.ts'
import { copyButton } from '../parts/words.ts'

/** What people carry elsewhere, in a tile: its name and the button above it, so that it has the whole width. */
export const carried = (name: string, text: string, of: string): Html => html`
  <div class="carried"><span class="small soft">${name}</span>${copyButton(text, `the ${name} of ${of}`)}<code>${text}</code></div>`
