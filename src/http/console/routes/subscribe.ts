import { html } from 'hono/html'
import { catalogue } from '../../../domain/catalogue.ts'
import type { Refusal } from '../../../service/operator.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { accountIdOf } from '../one-account.ts'
import { field, form, link, select, submit } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { notice, refused } from '../parts/words.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { optional, text, type Visit } from '../visit.ts'
import { ABOVE_FEED, DESTINATIONS, FEEDS, SOURCES } from './paths.ts'

const NEW = `${FEEDS}/new`
/** So many a list to choose from still serves; beyond it, an id is typed. */
const MOST = 200

/** Joins a source to a destination. */
export function mountSubscribe(area: Area): void {
  area.show(NEW, 'routes.write', (visit) => ask(visit, null))
  area.act(NEW, 'routes.write', async (visit) => {
    const made = await visit.desk.routes.subscribe({
      sourceId: text(visit, 'source'),
      destinationId: text(visit, 'destination'),
      dataModel: optional(visit, 'model'),
    })
    return made.ok
      ? seeOther(visit.c, `${FEEDS}/${made.value.id}`, 'subscription-added')
      : ask(visit, made.failure)
  })
}

async function ask(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const { routes } = visit.desk
  const asked = { accountId: accountIdOf(visit) ?? undefined, limit: MOST + 1 }
  const [sources, destinations] = await Promise.all([
    routes.listSources(asked),
    routes.listDestinations(asked),
  ])
  const models = catalogue.map(({ dataModel }) => ({ value: dataModel, text: dataModel }))
  const missing =
    sources.length === 0
      ? html`<a href="${SOURCES}/new">Add a source</a> first.`
      : destinations.length === 0
        ? html`<a href="${DESTINATIONS}/new">Add a destination</a> first.`
        : null
  const body =
    missing !== null
      ? notice('warn', 'A feed needs a source and a destination', missing)
      : html`${refused(messageOf(refusal))}<section class="card">${form(
          visit.formToken,
          NEW,
          html`${pick(visit, 'source', 'Source', sources)}${pick(visit, 'destination', 'Destination', destinations)}
            ${select({ name: 'model', label: 'Data model', value: text(visit, 'model'), hint: 'One alone, or everything that the source sends to that destination.', choices: [{ value: '', text: 'All data models' }, ...models] })}
            <div class="row">${submit('Subscribe')}${link(FEEDS, 'Cancel', 'quiet')}</div>`,
        )}</section>`
  return page(visit, { title: 'Subscribe a source', crumbs: ABOVE_FEED }, body, statusOf(refusal))
}

function pick(
  visit: Visit,
  name: string,
  label: string,
  rows: readonly { readonly id: string; readonly name: string }[],
): Html {
  const value = text(visit, name)
  return rows.length > MOST
    ? field({ name, label: `${label} id`, value, required: true, spellcheck: false })
    : select({
        name,
        label,
        value,
        choices: rows.map((row) => ({ value: row.id, text: row.name })),
      })
}
