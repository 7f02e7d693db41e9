import { html } from 'hono/html'
import { MAX_JITTERED_WAIT_MS } from '../../../../domain/delivery.ts'
import { isPending } from '../../../../domain/instant.ts'
import type { SubscriptionListItem } from '../../../../service/ports/lists.ts'
import { badge, formatCount, type Html, nothing, relativeTime } from '../../components/html.ts'
import { table } from '../../components/table.ts'
import type { PageContext } from '../../context.ts'
import { formatSubscriptionPath, SUBSCRIPTIONS_PATH } from '../../navigation.ts'

type SubscriptionState = Pick<SubscriptionListItem, 'status' | 'attempts' | 'queued'>

export function subscriptionBadge({ status, attempts, queued }: SubscriptionState): Html {
  if (status === 'paused') return badge('Paused', 'warn')
  if (attempts > 0) return badge(`Stuck, ${formatCount(attempts, 'failure')} in a row`, 'bad')
  return queued > 0 ? badge('Sending') : badge('Up to date', 'good')
}

export const formatDataModel = ({ dataModel }: Pick<SubscriptionListItem, 'dataModel'>): string =>
  dataModel ?? 'All data models'

const OUTCOME_LABELS = {
  delivered: 'Delivered',
  refused: 'Refused',
  failed: 'No response',
  forbidden: 'Connection not allowed',
} as const

/** Formats the outcome of an attempt, with the HTTP status where there was a response. */
export const formatOutcome = (attempt: {
  readonly outcome: keyof typeof OUTCOME_LABELS
  readonly httpStatus: number | null
}): string =>
  attempt.httpStatus === null
    ? OUTCOME_LABELS[attempt.outcome]
    : `${OUTCOME_LABELS[attempt.outcome]} (${attempt.httpStatus})`

/** A stop in the diagram of a message's route, with its state. */
export const routeStop = (
  kind: string,
  name: Html | string,
  detail: Html | string,
  hasArrow = true,
): Html => html`
  <li>${hasArrow ? html`<span class="then" aria-hidden="true">→</span>` : nothing}<div class="stop stack tight"><span class="small soft">${kind}</span><strong>${name}</strong><span class="small">${detail}</span></div></li>`

export const verificationBadge = (verifiedAt: number | null): Html =>
  verifiedAt === null ? badge('Not verified', 'warn') : badge('Verified', 'good')

export const subscriptionTable = (
  context: PageContext,
  subscriptions: readonly SubscriptionListItem[],
  caption: string,
): Html =>
  table({
    caption,
    columns: [
      { name: 'Subscription' },
      { name: 'State' },
      { name: 'Queued', end: true },
      { name: 'Last attempt' },
      { name: 'Next attempt' },
    ],
    rows: subscriptions.map((subscription) => [
      html`<a href="${formatSubscriptionPath(subscription.id)}">${subscription.source.name} <span aria-hidden="true">→</span><span class="hidden">to</span> ${subscription.destination.name}</a><span class="sub">${formatDataModel(subscription)}</span>`,
      html`${subscriptionBadge(subscription)} ${subscription.destination.verifiedAt === null ? badge('Destination not verified', 'warn') : nothing}`,
      html`<span class="number">${subscription.queued.toLocaleString('en')}</span> ${oldestQueuedTime(context, subscription)}`,
      subscription.lastAttempt === null
        ? ''
        : html`${formatOutcome(subscription.lastAttempt)} <span class="sub">${relativeTime(subscription.lastAttempt.at, context.now)}</span>`,
      nextAttemptTime(context, subscription),
    ]),
  })

const oldestQueuedTime = (context: PageContext, { oldestAt }: SubscriptionListItem): Html =>
  oldestAt === null
    ? nothing
    : html`<span class="sub">oldest ${relativeTime(oldestAt, context.now)}</span>`

/** Renders nothing where the queue is empty: then no attempt is due. */
export function nextAttemptTime(
  context: PageContext,
  subscription: SubscriptionListItem,
): Html | string {
  if (subscription.queued === 0) return ''
  if (subscription.status === 'paused') return 'once resumed'
  return isPending(subscription.dueAt, MAX_JITTERED_WAIT_MS, context.now)
    ? relativeTime(subscription.dueAt, context.now)
    : 'now'
}

const MAX_LISTED_SUBSCRIPTIONS = 50

/** Lists the subscriptions of one source or one destination. */
export async function subscriptionsCard(
  context: PageContext,
  filter: { readonly sourceId: string } | { readonly destinationId: string },
  caption: string,
  emptyContent: () => Html,
): Promise<Html> {
  const subscriptions = await context.services.subscriptions.list({
    ...filter,
    limit: MAX_LISTED_SUBSCRIPTIONS + 1,
  })
  const queryString =
    'sourceId' in filter ? `source=${filter.sourceId}` : `destination=${filter.destinationId}`
  return html`<section class="card flush" aria-label="Subscriptions">${
    subscriptions.length === 0
      ? emptyContent()
      : html`${subscriptionTable(context, subscriptions.slice(0, MAX_LISTED_SUBSCRIPTIONS), caption)}${
          subscriptions.length > MAX_LISTED_SUBSCRIPTIONS
            ? html`<div class="pager"><a href="${SUBSCRIPTIONS_PATH}?${queryString}">View all subscriptions</a></div>`
            : nothing
        }`
  }</section>`
}
