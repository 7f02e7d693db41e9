import { html } from 'hono/html'
import { decodeLongText } from '../../../../service/long-work.ts'
import type { RecordedEvent } from '../../../../service/ports/audit.ts'
import type {
  AttemptSummary,
  DeliverySummary,
  MessageSummary,
} from '../../../../service/ports/messages.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import {
  actionButton,
  buttonLink,
  FORM_TOKEN_FIELD,
  hiddenField,
  submitButton,
} from '../../components/form.ts'
import {
  badge,
  copyableText,
  definitionList,
  emptyState,
  errorNotice,
  exactTime,
  type Html,
  nothing,
  notice,
  relativeTime,
} from '../../components/html.ts'
import { mountConfirmedAction } from '../../confirmation.ts'
import { getOptionalId, getPathId, type PageContext } from '../../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import {
  formatMessagePath,
  formatSourcePath,
  formatSubscriptionPath,
  MESSAGES_CRUMBS,
  MESSAGES_PATH,
  toMessageCrumbs,
} from '../../navigation.ts'
import { renderPage, sendFile } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { formatOutcome, routeStop } from '../routing/routing-components.ts'
import { attemptTable, deliveryBadge, indentJson } from './message-components.ts'

export function mountMessageDetailPages(router: ConsoleRouter): void {
  router.page(`${MESSAGES_PATH}/:id`, ['messages.show', 'messages.attempts'], (context) =>
    renderMessagePage(context, null),
  )
}

/** Renders everything about a message but its payload. */
async function renderMessagePage(
  context: PageContext,
  error: ServiceError | null,
): Promise<Response> {
  const { messages, sources } = context.services
  const id = getPathId(context)
  const [found, attemptsResult] = await Promise.all([messages.find(id), messages.listAttempts(id)])
  if (!found.ok || !attemptsResult.ok) return renderError(context.c, context.caller, 'not_found')
  const message = found.value
  const [source, sender] = await Promise.all([
    sources.find(message.sourceId),
    findTestSender(context, message),
  ])
  const sourceName = source.ok ? source.value.name : message.sourceId
  const getDestinationName = (destinationId: string) =>
    message.deliveries.find((delivery) => delivery.destinationId === destinationId)
      ?.destinationName ?? ''
  const body = html`${errorNotice(toErrorMessage(error))}
    <section class="card" aria-label="Route"><h2>Route</h2>${messageDiagram(context, message, sourceName, attemptsResult.value)}</section>
    <div class="columns">
      <section class="card"><h2>Details</h2>${definitionList([
        [
          'Event',
          html`${message.dataModel}: ${message.eventType} ${message.test ? badge('Test') : nothing}`,
        ],
        ['Source', html`<a href="${formatSourcePath(message.sourceId)}">${sourceName}</a>`],
        ['Received', exactTime(message.receivedAt)],
        ...(message.test ? ([['Sent by', sender]] as const) : []),
        [
          'Number',
          html`<span class="number">${message.serial}</span> <span class="small soft">Meta.Message.ID in the response</span>`,
        ],
        ['Message id', copyableText(id, 'the message id')],
      ])}</section>
      ${payloadCard(context, id)}
    </div>
    ${context.can('messages.send') ? deliveryActions(message) : nothing}
    <section class="card flush" aria-label="Attempts">${
      attemptsResult.value.length === 0
        ? emptyState('No attempts yet', 'Attempts to deliver the message are listed here.')
        : attemptTable(attemptsResult.value, 'Latest attempts, newest first', getDestinationName)
    }</section>`
  const title = `${message.dataModel}: ${message.eventType}`
  return renderPage(
    context,
    { heading: title, crumbs: MESSAGES_CRUMBS },
    body,
    toErrorStatus(error),
  )
}

/** Only a test sent from the console or the API has an audit event; a vendor can send tests, too. */
async function findTestSender(
  context: PageContext,
  message: MessageSummary,
): Promise<Html | string> {
  if (!message.test) return ''
  const [event] = await context.services.audit.list({
    subject: message.id,
    action: 'message.test_sent',
    limit: 1,
  })
  return event === undefined
    ? 'The program with the key of the source'
    : findActorName(context, event)
}

async function findActorName(context: PageContext, { actor }: RecordedEvent): Promise<string> {
  const user = await context.services.users.find(actor)
  return user.ok ? (user.value.username ?? user.value.email) : actor
}

const payloadCard = (context: PageContext, id: string): Html =>
  context.can('messages.open')
    ? html`<section class="card"><h2>Payload</h2>
        <p>The payload may contain health data. The audit records who opens it.</p>
        ${actionButton(context.formToken, `${formatMessagePath(id)}/payload`, 'Open payload')}</section>`
    : nothing

const deliveryActions = ({ id, deliveries }: MessageSummary): Html => html`
  <section class="card"><h2>Actions</h2><ul class="stack">${deliveries.map((delivery) => deliveryActionRow(id, delivery))}</ul></section>`

function deliveryActionRow(id: string, delivery: DeliverySummary): Html {
  const [action, text, variant] =
    delivery.status === 'queued'
      ? ['skip', `Skip for ${delivery.destinationName}`, 'compact danger']
      : ['replay', `Replay to ${delivery.destinationName}`, 'compact']
  const href = `${formatMessagePath(id)}/${action}?destination=${delivery.destinationId}`
  return html`<li class="row spread"><span>${delivery.destinationName} ${deliveryBadge(delivery)}</span>${buttonLink(href, text, variant)}</li>`
}

/** Draws the route to each destination, with the state of each stop. */
const messageDiagram = (
  context: PageContext,
  message: MessageSummary,
  sourceName: string,
  attempts: readonly AttemptSummary[],
): Html =>
  html`${message.deliveries.map(
    (delivery) => html`
  <ol class="route" aria-label="The route to ${delivery.destinationName}">
    ${routeStop('Source', html`<a href="${formatSourcePath(message.sourceId)}">${sourceName}</a>`, html`${badge('Accepted', 'good')} ${relativeTime(message.receivedAt, context.now)}`, false)}
    ${routeStop('Subscription', html`<a href="${formatSubscriptionPath(delivery.subscriptionId)}">Its queue</a>`, queueState(context, delivery))}
    ${routeStop('Destination', delivery.destinationName, destinationState(context, delivery, attempts))}
  </ol>`,
  )}`

function queueState(context: PageContext, { status, settledAt }: DeliverySummary): Html {
  if (status === 'queued') return html`${badge('Queued', 'warn')}`
  const when = settledAt === null ? nothing : relativeTime(settledAt, context.now)
  return status === 'skipped'
    ? html`${badge('Skipped', 'warn')} ${when}`
    : html`${badge('Delivered', 'good')} ${when}`
}

function destinationState(
  context: PageContext,
  delivery: DeliverySummary,
  attempts: readonly AttemptSummary[],
): Html {
  const last = attempts.find(({ destinationId }) => destinationId === delivery.destinationId)
  if (last === undefined) return badge('No attempt yet')
  const tone = last.outcome === 'delivered' ? 'good' : 'bad'
  return html`${badge(formatOutcome(last), tone)} ${relativeTime(last.at, context.now)}`
}

const DELIVERY_ACTIONS = {
  replay: {
    title: (names: string) => `Replay the message to ${names}?`,
    text: (names: string) =>
      `The message is sent to ${names} again, after the messages that are queued now. A destination that has already received it gets it twice.`,
    button: 'Replay message',
    variant: 'primary',
    flash: 'messages.replay',
  },
  skip: {
    title: (names: string) => `Skip the message for ${names}?`,
    text: (names: string) =>
      `The message is no longer sent to ${names}, and the messages behind it go on. It can be replayed while its payload is kept (LATCHKEY_RETENTION_DAYS).`,
    button: 'Skip message',
    variant: 'danger primary',
    flash: 'messages.skip',
  },
} as const

/** Mounts the pages that replay or skip a message: for one destination, or for all of them. */
export function mountReplayAndSkipPages(router: ConsoleRouter): void {
  for (const action of ['replay', 'skip'] as const) {
    const { title, text, button, variant, flash } = DELIVERY_ACTIONS[action]
    mountConfirmedAction(router, {
      path: `${MESSAGES_PATH}/:id/${action}`,
      operations: `messages.${action}`,
      find: ({ services }, id) => services.messages.find(id),
      question: (message, context) => {
        const destination = getOptionalId(context, 'destination')
        const names = message.deliveries
          .filter(({ destinationId }) => destination === undefined || destinationId === destination)
          .map(({ destinationName }) => destinationName)
        const namesText = names.join(', ') || 'nobody'
        return {
          button,
          variant,
          heading: title(namesText),
          text: text(namesText),
          fields: destination === undefined ? nothing : hiddenField('destination', destination),
          crumbs: toMessageCrumbs(message),
          cancelPath: formatMessagePath(message.id),
        }
      },
      run: (context, id) =>
        context.services.messages[action](id, getOptionalId(context, 'destination')),
      flash,
      next: (_, id) => formatMessagePath(id),
    })
  }
}

/** Bounds the page, however the characters are escaped. */
const MAX_PAYLOAD_CHARACTERS = 12_000

/** Mounts forms, not pages: each view of a payload, a reload included, is an audit event. */
export function mountPayloadForms(router: ConsoleRouter): void {
  router.form(`${MESSAGES_PATH}/:id/payload`, 'messages.payload', openPayload)
  router.form(`${MESSAGES_PATH}/:id/download`, 'messages.payload', downloadPayload)
}

async function downloadPayload(context: PageContext): Promise<Response> {
  const result = await context.services.messages.readPayload(getPathId(context))
  if (!result.ok) return renderMessagePage(context, result.failure)
  return sendFile(context, `message-${result.value.message.serial}.json`, result.value.payload)
}

async function openPayload(context: PageContext): Promise<Response> {
  const id = getPathId(context)
  const result = await context.services.messages.readPayload(id)
  if (!result.ok) return renderMessagePage(context, result.failure)
  const { message, payload } = result.value
  const text = await decodeLongText(payload)
  const path = formatMessagePath(id)
  const isTruncated = text.length > MAX_PAYLOAD_CHARACTERS
  const excerpt = isTruncated ? text.slice(0, MAX_PAYLOAD_CHARACTERS) : indentJson(text)
  const body = html`
    ${notice('warn', 'The audit records that you opened this payload', 'Close this page when you are done. Your browser does not store it.')}
    <section class="card" aria-label="Payload" data-secret><pre class="wrap" tabindex="0">${excerpt}</pre>
      <p class="small soft">${isTruncated ? html`These are the first ${MAX_PAYLOAD_CHARACTERS.toLocaleString('en')} of ${text.length.toLocaleString('en')} characters. The file has all of them, unchanged.` : excerpt === text ? 'The file is the same.' : 'It is indented here. The file is unchanged.'}</p>
      <div class="row"><form class="inline" method="post" action="${path}/download" data-download>${hiddenField(FORM_TOKEN_FIELD, context.formToken)}${submitButton('Download payload', '')}</form>
        ${buttonLink(path, 'Close', 'primary')}</div>
    </section>`
  return renderPage(context, { heading: 'Payload', crumbs: toMessageCrumbs(message) }, body)
}
