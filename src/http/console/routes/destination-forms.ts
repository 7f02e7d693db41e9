import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { DestinationSummary } from '../../../service/ports.ts'
import { field, form, hidden, submit } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { text, type Visit } from '../visit.ts'
import { methodChoices, tokenField } from './agreement.ts'
import { nameForm } from './name-form.ts'
import { DESTINATIONS } from './paths.ts'

/** What can be changed of a destination; all but its name makes it another party. */
export function edits(
  visit: Visit,
  destination: DestinationSummary,
  refusal: Refusal | null,
): Html {
  const here = `${DESTINATIONS}/${destination.id}`
  const url = destination.url ?? ''
  return html`<div class="columns">
    <div class="stack"><section class="card"><h2>Rename</h2>${nameForm(visit, `${here}/rename`, destination.name, refusal)}</section>
    <section class="card"><h2>Move</h2>${form(
      visit.formToken,
      `${here}/move`,
      html`${hidden('seen', url)}
        ${field({ name: 'url', label: 'URL', value: refusal === null ? url : text(visit, 'url') || url, hint: 'Another URL is another party: it is to be verified anew.', required: true, spellcheck: false })}
        <div class="row">${submit('Set the URL', '')}</div>`,
    )}</section></div>
    <section class="card"><h2>Token</h2>${form(
      visit.formToken,
      `${here}/token`,
      html`${tokenField('Another token is another agreement: it is to be verified anew.', true)}
        ${methodChoices(destination.method)}
        <div class="row">${submit('Set the token', '')}</div>`,
    )}</section>
  </div>`
}
