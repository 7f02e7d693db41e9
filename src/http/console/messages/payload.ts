import { html } from 'hono/html'
import { file, page } from '../answer.ts'
import type { Area } from '../area.ts'
import { FORM_TOKEN, hidden, link, submit } from '../parts/form.ts'
import { notice } from '../parts/words.ts'
import { part, type Visit } from '../visit.ts'
import { indented } from './indented.ts'
import { showMessage } from './message.ts'
import { ABOVE_MESSAGE, MESSAGES } from './paths.ts'

/** So many characters are shown, so that the page stays small however they are escaped. */
const SHOWN = 12_000

/**
 * What a message holds: the answer to a form, for it is remembered who has looked. A reload looks once
 * more, and is remembered too.
 */
export function mountPayload(area: Area): void {
  area.act(`${MESSAGES}/:id/open`, 'messages.open', open)
  area.act(`${MESSAGES}/:id/download`, 'messages.open', async (visit) => {
    const opened = await visit.desk.messages.open(part(visit, 'id'))
    if (!opened.ok) return showMessage(visit, opened.failure)
    return file(visit, `message-${opened.value.message.serial}.json`, opened.value.payload)
  })
}

async function open(visit: Visit): Promise<Response> {
  const id = part(visit, 'id')
  const opened = await visit.desk.messages.open(id)
  if (!opened.ok) return showMessage(visit, opened.failure)
  const { message, payload } = opened.value
  const text = new TextDecoder().decode(payload)
  const isCut = text.length > SHOWN
  const shown = isCut ? text.slice(0, SHOWN) : indented(text)
  const body = html`
    ${notice('warn', 'The audit says that you have opened it', 'Close this page when you are done: your browser does not keep it.')}
    <section class="card" aria-label="The payload" data-secret><pre class="wrap" tabindex="0">${shown}</pre>
      <p class="small soft">${isCut ? html`These are the first ${SHOWN.toLocaleString('en')} of ${text.length.toLocaleString('en')} characters. The file has all of them, as they came.` : shown === text ? 'The file is the same.' : 'It is indented here. The file is as it came.'}</p>
      <div class="row"><form class="inline" method="post" action="${MESSAGES}/${id}/download" data-download>${hidden(FORM_TOKEN, visit.formToken)}${submit('Download it', '')}</form>
        ${link(`${MESSAGES}/${id}`, 'Close', 'primary')}</div>
    </section>`
  const title = `${message.dataModel}: ${message.eventType}`
  const crumbs = [...ABOVE_MESSAGE, { href: `${MESSAGES}/${id}`, text: title }]
  return page(visit, { title: 'What is in it', crumbs }, body)
}
