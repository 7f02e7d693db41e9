import { html } from 'hono/html'
import { DATA_MODELS } from '../../../../domain/catalog.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import { getAccountId } from '../../account-selection.ts'
import {
  buttonLink,
  hiddenField,
  postForm,
  selectField,
  submitButton,
} from '../../components/form.ts'
import { emptyState, errorNotice, type Html, nothing, notice } from '../../components/html.ts'
import {
  PICKER_ROW_LIMIT,
  resourcePicker,
  toPickerOptions,
} from '../../components/resource-picker.ts'
import { getField, getOptionalField, getOptionalId, type PageContext } from '../../context.ts'
import { toErrorMessage, toErrorStatus } from '../../errors.ts'
import { loadListPage } from '../../list-page.ts'
import {
  DESTINATIONS_PATH,
  formatSubscriptionPath,
  SOURCES_PATH,
  SUBSCRIPTIONS_CRUMBS,
  SUBSCRIPTIONS_PATH,
} from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { subscriptionTable } from './routing-components.ts'

const NEW_SUBSCRIPTION_PATH = `${SUBSCRIPTIONS_PATH}/new`

export function mountSubscriptionListPages(router: ConsoleRouter): void {
  router.page(SUBSCRIPTIONS_PATH, 'routes.read', showSubscriptionListPage)
  router.page(NEW_SUBSCRIPTION_PATH, 'routes.write', (context) =>
    renderSubscribePage(context, null),
  )
  router.form(NEW_SUBSCRIPTION_PATH, 'routes.write', createSubscription)
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
  const subscribeLink = context.can('routes.write')
    ? buttonLink(NEW_SUBSCRIPTION_PATH, 'Add subscription', 'primary')
    : nothing
  const body = html`${subscriptionFilterForm(stuck, sourceId, destinationId)}
    <section class="card flush" aria-label="Subscriptions">${
      rows.length > 0
        ? html`${subscriptionTable(context, rows, 'Each delivers its messages in order, one at a time')}${pagination}`
        : isNarrowed
          ? emptyState(
              'No matching subscriptions',
              sourceId !== undefined || destinationId !== undefined
                ? 'No subscription between these matches the filter.'
                : 'No subscription is stuck: every destination accepts its messages.',
              buttonLink(SUBSCRIPTIONS_PATH, 'Show all subscriptions'),
            )
          : emptyState(
              'No subscriptions yet',
              html`A subscription delivers the messages of a <a href="${SOURCES_PATH}">source</a> to a destination.`,
              subscribeLink,
            )
    }</section>`
  const about = 'Sources, the destinations they send to, and the queue between them.'
  return renderPage(context, { heading: 'Subscriptions', about, actions: subscribeLink }, body)
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

async function createSubscription(context: PageContext): Promise<Response> {
  const result = await context.services.subscriptions.create({
    sourceId: getField(context, 'source'),
    destinationId: getField(context, 'destination'),
    dataModel: getOptionalField(context, 'model'),
  })
  return result.ok
    ? redirectToPage(context.c, formatSubscriptionPath(result.value.id), 'subscription-added')
    : renderSubscribePage(context, result.failure)
}

async function renderSubscribePage(
  context: PageContext,
  error: ServiceError | null,
): Promise<Response> {
  const { services } = context
  const listQuery = {
    accountId: getAccountId(context) ?? undefined,
    limit: PICKER_ROW_LIMIT,
  }
  const [sources, destinations] = await Promise.all([
    services.sources.list(listQuery),
    services.destinations.list(listQuery),
  ])
  const models = DATA_MODELS.map(({ dataModel }) => ({ value: dataModel, text: dataModel }))
  const missingText =
    sources.length === 0
      ? html`<a href="${SOURCES_PATH}/new">Add a source</a> first.`
      : destinations.length === 0
        ? html`<a href="${DESTINATIONS_PATH}/new">Add a destination</a> first.`
        : null
  const body =
    missingText !== null
      ? notice('warn', 'A subscription needs a source and a destination', missingText)
      : html`${errorNotice(toErrorMessage(error))}<section class="card">${postForm(
          context.formToken,
          NEW_SUBSCRIPTION_PATH,
          html`${resourcePicker({ name: 'source', label: 'Source', value: getField(context, 'source'), required: true, options: toPickerOptions(sources) })}${resourcePicker({ name: 'destination', label: 'Destination', value: getField(context, 'destination'), required: true, options: toPickerOptions(destinations) })}
            ${selectField({ name: 'model', label: 'Data model', value: getField(context, 'model'), hint: 'One data model, or everything that the source sends to the destination.', choices: [{ value: '', text: 'All data models' }, ...models] })}
            <div class="row">${submitButton('Add subscription')}${buttonLink(SUBSCRIPTIONS_PATH, 'Cancel', 'quiet')}</div>`,
        )}</section>`
  return renderPage(
    context,
    { heading: 'Add subscription', crumbs: SUBSCRIPTIONS_CRUMBS },
    body,
    toErrorStatus(error),
  )
}
