import { html } from 'hono/html'
import { DATA_MODELS } from '../../../../domain/catalog.ts'
import type { SubscriptionListItem } from '../../../../service/ports/lists.ts'
import { getAccountId } from '../../account-selection.ts'
import { buttonLink, hiddenField, selectField, submitButton } from '../../components/form.ts'
import { emptyState, type Html, nothing } from '../../components/html.ts'
import {
  PICKER_ROW_LIMIT,
  resourcePicker,
  toPickerOptions,
} from '../../components/resource-picker.ts'
import { getOptionalField, getOptionalId, type PageContext } from '../../context.ts'
import { loadListPage } from '../../list-page.ts'
import { DESTINATIONS_PATH, SOURCES_PATH, SUBSCRIPTIONS_PATH } from '../../navigation.ts'
import { mountCreation } from '../../resource/creation.ts'
import { emptyList, renderList } from '../../resource/list.ts'
import type { Resource } from '../../resource/resource.ts'
import type { ConsoleRouter } from '../../router.ts'
import { subscriptionTable } from './routing-components.ts'

export const SUBSCRIPTIONS: Resource<SubscriptionListItem> = {
  group: 'subscriptions',
  noun: 'subscription',
  path: SUBSCRIPTIONS_PATH,
  find: ({ services }, id) => services.subscriptions.find(id),
  getName: ({ source, destination }) => `${source.name} to ${destination.name}`,
  widgets: {
    sourceId: (context, value) => rowPicker(context, 'source', value),
    destinationId: (context, value) => rowPicker(context, 'destination', value),
    dataModel: (_, value) =>
      selectField({
        name: 'dataModel',
        label: 'Data model',
        value,
        hint: 'One data model, or everything that the source sends to the destination.',
        choices: [
          { value: '', text: 'All data models' },
          ...DATA_MODELS.map(({ dataModel }) => ({ value: dataModel, text: dataModel })),
        ],
      }),
  },
}

/** A choice of sources or destinations of the selected account. */
async function rowPicker(
  context: PageContext,
  noun: 'source' | 'destination',
  value: string,
): Promise<Html> {
  const rows = await context.services[`${noun}s`].list({
    accountId: getAccountId(context) ?? undefined,
    limit: PICKER_ROW_LIMIT,
  })
  const path = noun === 'source' ? SOURCES_PATH : DESTINATIONS_PATH
  return resourcePicker({
    name: `${noun}Id`,
    label: noun === 'source' ? 'Source' : 'Destination',
    value,
    required: true,
    options: toPickerOptions(rows),
    hint: rows.length === 0 ? html`<a href="${path}/new">Add a ${noun}</a> first.` : undefined,
  })
}

export function mountSubscriptionListPages(router: ConsoleRouter): void {
  router.page(SUBSCRIPTIONS_PATH, 'subscriptions.list', showSubscriptionListPage)
  mountCreation(router, SUBSCRIPTIONS)
}

async function showSubscriptionListPage(context: PageContext): Promise<Response> {
  const stuck = getOptionalField(context, 'state') === 'stuck'
  const [sourceId, destinationId] = [
    getOptionalId(context, 'source'),
    getOptionalId(context, 'destination'),
  ]
  const { rows, pagination } = await loadListPage(context, (page) =>
    context.services.subscriptions.list({
      ...page,
      sourceId,
      destinationId,
      accountId: getAccountId(context) ?? undefined,
      stuck: stuck || undefined,
    }),
  )
  const isNarrowed = stuck || sourceId !== undefined || destinationId !== undefined
  if (rows.length === 0 && !isNarrowed)
    return renderList(context, SUBSCRIPTIONS, emptyList(context, SUBSCRIPTIONS))
  const body = html`${subscriptionFilterForm(stuck, sourceId, destinationId)}
    <section class="card flush" aria-label="Subscriptions">${
      rows.length > 0
        ? html`${subscriptionTable(context, rows, 'Each delivers its messages in order, one at a time')}${pagination}`
        : emptyState(
            'No matching subscriptions',
            sourceId !== undefined || destinationId !== undefined
              ? 'No subscription between these matches the filter.'
              : 'No subscription is stuck: every destination accepts its messages.',
            buttonLink(SUBSCRIPTIONS_PATH, 'Show all subscriptions'),
          )
    }</section>`
  return renderList(context, SUBSCRIPTIONS, body)
}

const subscriptionFilterForm = (
  stuck: boolean,
  sourceId?: string,
  destinationId?: string,
): Html => html`
  <form class="filters" method="get" action="${SUBSCRIPTIONS_PATH}" role="search" aria-label="Subscriptions" data-filter>
    ${sourceId === undefined ? nothing : hiddenField('source', sourceId)}${destinationId === undefined ? nothing : hiddenField('destination', destinationId)}
    ${selectField({
      name: 'state',
      label: 'State',
      value: stuck ? 'stuck' : '',
      choices: [
        { value: '', text: 'Any' },
        { value: 'stuck', text: 'Stuck' },
      ],
    })}${submitButton('Filter', '')}
    ${sourceId === undefined && destinationId === undefined ? nothing : buttonLink(SUBSCRIPTIONS_PATH, 'Show all subscriptions', 'quiet')}
  </form>`
