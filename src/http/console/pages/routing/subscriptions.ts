import { html } from 'hono/html'
import { DATA_MODELS } from '../../../../domain/catalog.ts'
import type { SubscriptionListItem } from '../../../../service/ports/lists.ts'
import type { MessageSummary } from '../../../../service/ports/messages.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import { getAccountId } from '../../account-selection.ts'
import {
  actionButton,
  buttonLink,
  hiddenField,
  PICKER_ROW_LIMIT,
  resourcePicker,
  selectField,
  submitButton,
  toPickerOptions,
} from '../../components/form.ts'
import {
  copyableText,
  definitionList,
  emptyState,
  errorNotice,
  formatCount,
  type Html,
  nothing,
  notice,
  relativeTime,
} from '../../components/html.ts'
import { loadListPage } from '../../components/table.ts'
import { getOptionalField, getOptionalId, getPathId, type PageContext } from '../../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import {
  DESTINATIONS_PATH,
  formatDestinationPath,
  formatMessagePath,
  formatSourcePath,
  formatSubscriptionPath,
  MESSAGES_PATH,
  SOURCES_PATH,
  SUBSCRIPTIONS_CRUMBS,
  SUBSCRIPTIONS_PATH,
  TEST_MESSAGE_PATH,
} from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import { mountAction, mountCreation, type ResourceAction } from '../../resource/changes.ts'
import { emptyList, renderList } from '../../resource/list.ts'
import type { Resource } from '../../resource/resource.ts'
import type { ConsoleRouter } from '../../router.ts'
import { attemptTable, messageTable } from '../messages/message-components.ts'
import {
  formatDataModel,
  formatOutcome,
  nextAttemptTime,
  routeStop,
  subscriptionBadge,
  subscriptionTable,
  verificationBadge,
} from './routing-components.ts'

const SUBSCRIPTIONS: Resource<SubscriptionListItem> = {
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

const SUBSCRIPTION_PAGE_PATH = `${SUBSCRIPTIONS_PATH}/:id`
const MAX_PREVIEW_ROWS = 10

/** Actions that cannot be undone, or that make other requests fail: each asks for confirmation. */
const SUBSCRIPTION_ACTIONS: readonly ResourceAction<SubscriptionListItem>[] = [
  { verb: 'pause', details: describeQueue },
  { verb: 'purge', isDangerous: true, details: describeQueue },
  { verb: 'delete', isDangerous: true, details: describeQueue },
]

function describeQueue({ source, destination, queued }: SubscriptionListItem): Html {
  return html`<p>${formatCount(queued, 'message')} from ${source.name} to ${destination.name} ${queued === 1 ? 'is' : 'are'} queued.</p>`
}

export function mountSubscriptionPages(router: ConsoleRouter): void {
  router.page(
    SUBSCRIPTION_PAGE_PATH,
    ['subscriptions.show', 'subscriptions.destination', 'messages.list', 'messages.attempts'],
    (context) => renderSubscriptionPage(context, null),
  )
  router.form(`${SUBSCRIPTION_PAGE_PATH}/resume`, 'subscriptions.resume', resumeSubscription)
  for (const action of SUBSCRIPTION_ACTIONS) mountAction(router, SUBSCRIPTIONS, action)
}

async function resumeSubscription(context: PageContext): Promise<Response> {
  const id = getPathId(context)
  const result = await context.services.subscriptions.setStatus(id, 'active')
  return result.ok
    ? redirectToPage(context.c, formatSubscriptionPath(id), 'subscriptions.resume')
    : renderSubscriptionPage(context, result.failure)
}

async function renderSubscriptionPage(
  context: PageContext,
  error: ServiceError | null,
): Promise<Response> {
  const { destinations, subscriptions, messages } = context.services
  const id = getPathId(context)
  const found = await subscriptions.find(id)
  if (!found.ok) return renderError(context.c, context.caller, 'not_found')
  const subscription = found.value
  const [destination, queuedMessages, attemptsResult] = await Promise.all([
    destinations.find(subscription.destination.id),
    messages.list({ subscriptionId: id, status: 'queued', limit: MAX_PREVIEW_ROWS }),
    subscription.headId === null ? null : messages.listAttempts(subscription.headId),
  ])
  const attempts = attemptsResult?.ok
    ? attemptsResult.value.filter(
        ({ destinationId }) => destinationId === subscription.destination.id,
      )
    : []
  const body = html`${errorNotice(toErrorMessage(error))}${subscriptionNotice(context, subscription)}
    <section class="card" aria-label="Route"><h2>Route</h2>${subscriptionDiagram(subscription, destination.ok)}</section>
    <section class="card"><h2>Details</h2>${definitionList([
      ['Next attempt', nextAttemptTime(context, subscription) || 'nothing to send'],
      ['Messages', html`<a href="${MESSAGES_PATH}?subscription=${id}">View its messages</a>`],
      ['Subscription id', copyableText(id, 'the subscription id')],
    ])}</section>
    ${
      attempts.length === 0
        ? nothing
        : html`<section class="card flush" aria-label="Attempts">${attemptTable(attempts.slice(0, MAX_PREVIEW_ROWS), 'Latest attempts to send the first message')}</section>`
    }
    <section class="card flush" aria-label="Queued">${
      queuedMessages.length === 0
        ? emptyState(
            'Nothing is queued',
            html`View the <a href="${MESSAGES_PATH}?subscription=${id}">messages of this subscription</a>.`,
            context.canPerform('messages.skip')
              ? buttonLink(
                  `${TEST_MESSAGE_PATH}?source=${subscription.source.id}&subscription=${id}`,
                  'Send test message',
                )
              : nothing,
          )
        : queueTable(context, subscription, queuedMessages)
    }</section>`
  const heading = {
    heading: SUBSCRIPTIONS.getName(subscription),
    crumbs: SUBSCRIPTIONS_CRUMBS,
    actions: subscriptionActions(context, subscription),
  }
  return renderPage(context, heading, body, toErrorStatus(error))
}

function subscriptionActions(
  context: PageContext,
  { id, status, queued }: SubscriptionListItem,
): Html {
  if (!context.canPerform('subscriptions.pause')) return nothing
  const path = formatSubscriptionPath(id)
  return html`${
    status === 'active'
      ? buttonLink(`${path}/pause`, 'Pause subscription')
      : actionButton(context.formToken, `${path}/resume`, 'Resume subscription', {
          variant: 'primary',
        })
  }${queued > 0 ? buttonLink(`${path}/purge`, 'Empty queue', 'danger') : buttonLink(`${path}/delete`, 'Delete subscription', 'danger')}`
}

/** Renders nothing where the subscription delivers. */
function subscriptionNotice(context: PageContext, subscription: SubscriptionListItem): Html {
  const { destination, lastAttempt } = subscription
  if (subscription.status === 'paused') {
    return notice(
      'warn',
      'This subscription is paused',
      'New messages of the source to this destination are refused. Queued messages wait until the subscription is resumed.',
    )
  }
  if (destination.verifiedAt === null) {
    return notice(
      'warn',
      'The destination is not verified',
      html`New messages to it are refused. <a href="${formatDestinationPath(destination.id)}">Verify the destination</a>.`,
    )
  }
  if (subscription.attempts === 0 || lastAttempt === null) return nothing
  return notice(
    'bad',
    `The first message failed ${formatCount(subscription.attempts, 'time')}`,
    html`<p>${formatOutcome(lastAttempt)} ${relativeTime(lastAttempt.at, context.now)}${lastAttempt.detail === '' ? '.' : html`: <code>${lastAttempt.detail}</code>`}</p>
      <p>Latchkey retries at least every two minutes, and later messages wait. If the destination is down, nothing is lost. If the message itself is the problem, skip it.</p>
      <div class="row">${context.canPerform('subscriptions.pause') ? actionButton(context.formToken, `${formatSubscriptionPath(subscription.id)}/resume`, 'Retry now', { variant: 'compact' }) : nothing}${subscription.headId === null ? nothing : firstMessageActions(context, subscription.headId, destination.id)}</div>`,
  )
}

const firstMessageActions = (
  context: PageContext,
  messageId: string,
  destinationId: string,
): Html => html`
  ${buttonLink(formatMessagePath(messageId), 'View message', 'compact')}
  ${context.canPerform('messages.skip') ? buttonLink(`${formatMessagePath(messageId)}/skip?destination=${destinationId}`, 'Skip message', 'compact danger') : nothing}`

const subscriptionDiagram = (
  subscription: SubscriptionListItem,
  canOpenDestination: boolean,
): Html => {
  const { source, destination } = subscription
  const destinationName = canOpenDestination
    ? html`<a href="${formatDestinationPath(destination.id)}">${destination.name}</a>`
    : destination.name
  return html`<ol class="route">
    ${routeStop('Source', html`<a href="${formatSourcePath(source.id)}">${source.name}</a>`, formatDataModel(subscription), false)}
    ${routeStop('Queue', formatCount(subscription.queued, 'message'), subscriptionBadge(subscription))}
    ${routeStop('Destination', destinationName, canOpenDestination ? verificationBadge(destination.verifiedAt) : 'of another account')}
  </ol>`
}

/** Lists the oldest first where the table holds the whole queue; otherwise its newest messages. */
function queueTable(
  context: PageContext,
  { id, queued }: SubscriptionListItem,
  newest: readonly MessageSummary[],
): Html {
  if (queued <= newest.length)
    return messageTable(context, newest.toReversed(), 'Queued messages, oldest first')
  const caption = `The newest ${newest.length} of ${queued.toLocaleString('en')} queued messages`
  return html`${messageTable(context, newest, caption)}
    <div class="pager"><a href="${MESSAGES_PATH}?subscription=${id}&status=queued">View all queued messages</a></div>`
}
