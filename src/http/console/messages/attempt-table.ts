import { html } from 'hono/html'
import type { AttemptSummary } from '../../../service/ports.ts'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { instant } from '../parts/time.ts'
import { badge } from '../parts/words.ts'
import { outcomeText } from '../routes/feed-state.ts'

/** Attempts, each with what came of it. `nameOf`: to whom, where there are several. */
export const attemptTable = (
  attempts: readonly AttemptSummary[],
  caption: string,
  nameOf?: (destinationId: string) => string,
): Html =>
  table({
    caption,
    columns: [
      { name: 'Attempt' },
      ...(nameOf === undefined ? [] : [{ name: 'To' }]),
      { name: 'At' },
      { name: 'What came of it' },
      { name: 'Took', end: true },
    ],
    rows: attempts.map((attempt) => [
      html`<span class="number">No. ${attempt.number}</span>`,
      ...(nameOf === undefined ? [] : [nameOf(attempt.destinationId)]),
      instant(attempt.at),
      html`${badge(outcomeText(attempt), attempt.outcome === 'delivered' ? 'good' : 'bad')}${
        attempt.detail === '' ? nothing : html` <span class="sub">${attempt.detail}</span>`
      }`,
      html`<span class="number">${attempt.ms.toLocaleString('en')} ms</span>`,
    ]),
  })
