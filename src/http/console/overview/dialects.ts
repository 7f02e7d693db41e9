import { html } from 'hono/html'
import { type Dialect, traitsOf } from '../../../domain/dialect.ts'
import { IN_USE_DAYS } from '../../../service/overview.ts'
import type { KeyCensus } from '../../../service/ports/survey.ts'
import { DIALECT_WORDS } from '../keys/words.ts'
import type { Html } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { plural } from '../parts/words.ts'

const isExchanged = (dialect: Dialect): boolean => traitsOf(dialect).secret === 'exchanged'

/** Which long-lived keys are still in use, and how far their secrets travel. */
export const dialects = (census: readonly KeyCensus[]): Html => html`
  <section class="card flush"><div class="inset stack tight"><h2>Which keys are in use</h2><p class="soft">${summary(census)}</p></div>${table(
    {
      caption: `In use: within the last ${IN_USE_DAYS} days`,
      columns: [
        { name: 'Dialect' },
        { name: 'Its secret' },
        { name: 'In use', end: true },
        { name: 'May be used', end: true },
      ],
      rows: census.map(({ dialect, used, usable }) => [
        html`<a href="/console/keys?dialect=${dialect}">${DIALECT_WORDS[dialect].name}</a>`,
        isExchanged(dialect) ? 'exchanged for tokens' : 'sent with every request',
        used.toLocaleString('en'),
        usable.toLocaleString('en'),
      ]),
    },
  )}</section>`

function summary(census: readonly KeyCensus[]): string {
  const sum = (rows: readonly KeyCensus[]) => rows.reduce((all, { used }) => all + used, 0)
  const exchanged = sum(census.filter(({ dialect }) => isExchanged(dialect)))
  const all = sum(census)
  if (all === 0) return `No key was used within ${IN_USE_DAYS} days.`
  return (
    `Of ${plural(all, 'key')} in use, ${exchanged.toLocaleString('en')} ${exchanged === 1 ? 'is' : 'are'} ` +
    `exchanged for short-lived tokens; ${(all - exchanged).toLocaleString('en')} ` +
    `${all - exchanged === 1 ? 'sends its' : 'send their'} long-lived secret with every request.`
  )
}
