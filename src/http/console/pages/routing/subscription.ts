import { html } from 'hono/html'
import type { SubscriptionListItem } from '../../../../service/ports/lists.ts'
import type { MessageSummary } from '../../../../service/ports/messages.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import { actionButton, buttonLink } from '../../components/form.ts'
import {
  copyableText,
  definitionList,
  emptyState,
  errorNotice,
  formatCount,
  type Html,
  nothing,
  notice,
} from '../../components/html.ts'
import { relativeTime } from '../../components/time.ts'
import { mountConfirmedAction } from '../../confirmation.ts'
import { getPathId, type PageContext } from '../../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import {
  formatDestinationPath,
  formatMessagePath,
  formatSourcePath,
  formatSubscriptionPath,
  MESSAGES_PATH,
  SUBSCRIPTIONS_CRUMBS,
  SUBSCRIPTIONS_PATH,
  TEST_MESSAGE_PATH,
} from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { attemptTable, messageTable } from '../messages/message-tables.ts'
import {
  formatDataModel,
  formatOutcome,
  nextAttemptTime,
  routeStop,
  subscriptionBadge,
  verificationBadge,
} from './routing-components.ts'

const SUBSCRIPTION_PAGE_PATH = `${SUBSCRIPTIONS_PATH}/:id`
const MAX_PREVIEW_ROWS = 10

export function mountSubscriptionPages(router: ConsoleRouter): void {
  router.page(SUBSCRIPTION_PAGE_PATH, 'routes.read', (context) =>
    renderSubscriptionPage(context, null),
  )
  router.form(`${SUBSCRIPTION_PAGE_PATH}/resume`, 'routes.write', resumeSubscription)
  mountSubscriptionActionPages(router)
}

async function resumeSubscription(context: PageContext): Promise<Response> {
  const id = getPathId(context, 'id')
  const result = await context.services.subscriptions.setStatus(id, 'active')
  return result.ok
    ? redirectToPage(context.c, formatSubscriptionPath(id), 'feed-resumed')
    : renderSubscriptionPage(context, result.failure)
}

async function renderSubscriptionPage(
  context: PageContext,
  error: ServiceError | null,
): Promise<Response> {
  const { destinations, subscriptions, messages } = context.services
  const id = getPathId(context, 'id')
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
      ['Messages', html`<a href="${MESSAGES_PATH}?feed=${id}">View its messages</a>`],
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
            html`View the <a href="${MESSAGES_PATH}?feed=${id}">messages of this subscription</a>.`,
            context.can('messages.send')
              ? buttonLink(
                  `${TEST_MESSAGE_PATH}?source=${subscription.source.id}&feed=${id}`,
                  'Send test message',
                )
              : nothing,
          )
        : queueTable(context, subscription, queuedMessages)
    }</section>`
  const heading = {
    heading: formatName(subscription),
    crumbs: SUBSCRIPTIONS_CRUMBS,
    actions: subscriptionActions(context, subscription),
  }
  return renderPage(context, heading, body, toErrorStatus(error))
}

function subscriptionActions(
  context: PageContext,
  { id, status, queued }: SubscriptionListItem,
): Html {
  if (!context.can('routes.write')) return nothing
  const path = formatSubscriptionPath(id)
  return html`${
    status === 'active'
      ? buttonLink(`${path}/pause`, 'Pause subscription')
      : actionButton(context.formToken, `${path}/resume`, 'Resume subscription', {
          variant: 'primary',
        })
  }${queued > 0 ? buttonLink(`${path}/purge`, 'Empty queue', 'danger') : buttonLink(`${path}/remove`, 'Delete subscription', 'danger')}`
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
      <div class="row">${context.can('routes.write') ? actionButton(context.formToken, `${formatSubscriptionPath(subscription.id)}/resume`, 'Retry now', { variant: 'compact' }) : nothing}${subscription.headId === null ? nothing : firstMessageActions(context, subscription.headId, destination.id)}</div>`,
  )
}

const firstMessageActions = (
  context: PageContext,
  messageId: string,
  destinationId: string,
): Html => html`
  ${buttonLink(formatMessagePath(messageId), 'View message', 'compact')}
  ${context.can('messages.send') ? buttonLink(`${formatMessagePath(messageId)}/skip?destination=${destinationId}`, 'Skip message', 'compact danger') : nothing}`

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
    <div class="pager"><a href="${MESSAGES_PATH}?feed=${id}&status=queued">View all queued messages</a></div>`
}

type Subscriptions = PageContext['services']['subscriptions']

/** Actions that cannot be undone, or that make other requests fail: each asks for confirmation. */
const SUBSCRIPTION_ACTIONS = {
  pause: {
    title: 'Pause the subscription?',
    text: (subscription: SubscriptionListItem) =>
      `Messages from ${subscription.source.name} to ${subscription.destination.name} are refused until the subscription is resumed.${subscription.queued === 0 ? '' : ` Queued messages wait: ${subscription.queued.toLocaleString('en')}.`}`,
    button: 'Pause subscription',
    variant: 'primary',
    // No flash: the page itself says that the subscription is paused.
    run: (subscriptions: Subscriptions, id: string) => subscriptions.setStatus(id, 'paused'),
    next: formatSubscriptionPath,
  },
  purge: {
    title: 'Empty the queue?',
    text: (subscription: SubscriptionListItem) =>
      `${formatCount(subscription.queued, 'message')} from ${subscription.source.name} will not reach ${subscription.destination.name} and will be marked as skipped. Each can be replayed while its payload is kept (LATCHKEY_RETENTION_DAYS).`,
    button: 'Empty queue',
    variant: 'danger primary',
    run: (subscriptions: Subscriptions, id: string) => subscriptions.purgeQueue(id),
    next: formatSubscriptionPath,
    flash: 'feed-purged',
  },
  remove: {
    title: 'Delete the subscription?',
    text: (subscription: SubscriptionListItem) =>
      `Messages from ${subscription.source.name} to ${subscription.destination.name} are refused from now on. Delivered messages stay in the list of messages.${subscription.queued === 0 ? '' : ` Empty the queue first: it holds ${formatCount(subscription.queued, 'message')}.`}`,
    button: 'Delete subscription',
    variant: 'danger primary',
    run: (subscriptions: Subscriptions, id: string) => subscriptions.delete(id),
    next: () => SUBSCRIPTIONS_PATH,
    flash: 'subscription-removed',
  },
} as const

function mountSubscriptionActionPages(router: ConsoleRouter): void {
  for (const [verb, { title, text, button, variant, run, ...outcome }] of Object.entries(
    SUBSCRIPTION_ACTIONS,
  )) {
    mountConfirmedAction<SubscriptionListItem>(router, {
      path: `${SUBSCRIPTION_PAGE_PATH}/${verb}`,
      permission: 'routes.write',
      find: ({ services }, id) => services.subscriptions.find(id),
      question: (subscription) => {
        const path = formatSubscriptionPath(subscription.id)
        return {
          heading: title,
          button,
          variant,
          text: text(subscription),
          crumbs: [...SUBSCRIPTIONS_CRUMBS, { href: path, text: formatName(subscription) }],
          cancelPath: path,
        }
      },
      run: ({ services }, id) => run(services.subscriptions, id),
      ...outcome,
    })
  }
}

const formatName = ({ source, destination }: SubscriptionListItem): string =>
  `${source.name} to ${destination.name}`
