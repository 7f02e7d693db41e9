import { html } from 'hono/html'
import { DATA_MODELS } from '../../../../domain/catalog.ts'
import type { SubscriptionListItem } from '../../../../service/ports/lists.ts'
import type { Source } from '../../../../service/ports/routing.ts'
import type { TestMessageReply, TestMessages } from '../../../../service/ports/test-messages.ts'
import type { ServiceResult } from '../../../../service/service-result.ts'
import { getAccountId } from '../../account-selection.ts'
import {
  buttonLink,
  hiddenField,
  PICKER_ROW_LIMIT,
  postForm,
  resourcePicker,
  selectField,
  submitButton,
  textArea,
  toPickerOptions,
} from '../../components/form.ts'
import {
  emptyState,
  errorNotice,
  type Html,
  nothing,
  notice,
  withCode,
} from '../../components/html.ts'
import { getField, type PageContext } from '../../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import {
  formatDestinationPath,
  formatKeyPath,
  formatMessagePath,
  formatSubscriptionPath,
  MESSAGES_CRUMBS,
  MESSAGES_PATH,
  NEW_KEY_PATH,
  SOURCES_PATH,
  SUBSCRIPTIONS_PATH,
  TEST_MESSAGE_PATH,
} from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { indentJson } from './message-components.ts'

/** Mounts the page on which a user sends a message as a source would. */
export function mountTestMessagePages(router: ConsoleRouter, deps: MessagePageDeps): void {
  router.page(TEST_MESSAGE_PATH, 'sources.sendTestMessage', (context) =>
    renderTestMessagePage(context, deps),
  )
  router.form(TEST_MESSAGE_PATH, 'sources.sendTestMessage', (context) =>
    submitTestMessage(context, deps),
  )
}

async function submitTestMessage(context: PageContext, deps: MessagePageDeps): Promise<Response> {
  const { services, caller, input, c } = context
  const message = { sourceId: getField(context, 'source'), text: input.get('body') ?? '' }
  const result = await deps.testMessages.send(services, message, caller, c.req.raw.signal)
  return !result.ok && result.failure.problem === 'not_found'
    ? renderError(c, caller, 'not_found')
    : renderTestMessagePage(context, deps, result)
}

interface TestMessageEvent {
  readonly dataModel: string
  readonly eventType: string
  readonly value: string
  readonly text: string
}

const TEST_MESSAGE_EVENTS: readonly TestMessageEvent[] = DATA_MODELS.flatMap(
  ({ dataModel, events }) =>
    events.map(({ eventType, kind }) => ({
      dataModel,
      eventType,
      value: `${dataModel}:${eventType}`,
      text: `${dataModel}: ${eventType}${kind === 'synchronous' ? ' (synchronous)' : ''}`,
    })),
)

/** Fills the form with a sample for the chosen event, or with the text that was sent. */
async function renderTestMessagePage(
  context: PageContext,
  deps: MessagePageDeps,
  result?: ServiceResult<TestMessageReply>,
): Promise<Response> {
  const { services } = context
  const error = result === undefined || result.ok ? null : result.failure
  const listQuery = { accountId: getAccountId(context) ?? undefined, limit: PICKER_ROW_LIMIT }
  const sources = await services.sources.list(listQuery)
  const sourceId = getField(context, 'source') || sources[0]?.id
  const subscriptions =
    sourceId === undefined ? [] : await services.subscriptions.list({ ...listQuery, sourceId })
  const subscription =
    subscriptions.find(({ id }) => id === getField(context, 'subscription')) ?? subscriptions[0]
  const events = TEST_MESSAGE_EVENTS.filter(
    ({ dataModel }) => subscription?.dataModel == null || subscription.dataModel === dataModel,
  )
  const event =
    events.find(({ value }) => value === getField(context, 'event')) ??
    events.find(({ value }) => value === 'Device:New') ??
    events[0]
  const body =
    sourceId === undefined || subscription === undefined || event === undefined
      ? html`${sources.length > 1 ? testMessageSelector(sources, sourceId, [], []) : nothing}${cannotSendNotice(sourceId)}`
      : html`${result?.ok ? testReplyCard(result.value) : errorNotice(toErrorMessage(error))}
        ${testMessageSelector(sources, sourceId, subscriptions, events, subscription.id, event.value)}
        ${await refusalWarning(context, sourceId, subscription)}
        <section class="card"><h2>The message</h2>${postForm(
          context.formToken,
          TEST_MESSAGE_PATH,
          html`${hiddenField('source', sourceId)}${hiddenField('subscription', subscription.id)}${hiddenField('event', event.value)}
            ${textArea({
              name: 'body',
              label: 'Body',
              code: true,
              hint: 'Change anything but Meta.Test. Do not use health data of real people. Choose another event above for another sample.',
              value:
                context.input.get('body') ??
                deps.testMessages.createSampleMessage({
                  ...event,
                  sourceId,
                  destinationId: subscription.destination.id,
                  now: context.now,
                }),
            })}
            <div class="row">${submitButton('Send message')}${buttonLink(MESSAGES_PATH, result?.ok !== true ? 'Cancel' : 'View messages', 'quiet')}</div>`,
        )}</section>`
  const heading = {
    heading: 'Send test message',
    about:
      'It is checked, stored and delivered like the messages of the source, but marked as a test. The audit records who sent it.',
    crumbs: MESSAGES_CRUMBS,
  }
  return renderPage(context, heading, body, toErrorStatus(error))
}

function testMessageSelector(
  sources: readonly Source[],
  sourceId: string | undefined,
  subscriptions: readonly SubscriptionListItem[],
  events: readonly TestMessageEvent[],
  subscriptionId = '',
  event = '',
): Html {
  return html`
  <form class="filters" method="get" action="${TEST_MESSAGE_PATH}" aria-label="Sample" data-filter>
    ${resourcePicker({ name: 'source', label: 'Source', value: sourceId ?? '', options: toPickerOptions(sources) })}
    ${
      subscriptions.length === 0
        ? nothing
        : html`${selectField({
            name: 'subscription',
            label: 'Destination',
            value: subscriptionId,
            choices: subscriptions.map((subscription) => ({
              value: subscription.id,
              text:
                subscription.dataModel === null
                  ? subscription.destination.name
                  : `${subscription.destination.name} (${subscription.dataModel} only)`,
            })),
          })}${selectField({ name: 'event', label: 'Event', value: event, choices: events })}`
    }
    ${submitButton('Show sample', '')}
  </form>`
}

const cannotSendNotice = (sourceId: string | undefined): Html =>
  html`<section class="card flush">${
    sourceId === undefined
      ? emptyState(
          'No sources yet',
          'Add a source, create a key for it, and subscribe it to a destination.',
          buttonLink(`${SOURCES_PATH}/new`, 'Add source', 'primary'),
        )
      : emptyState(
          'This source has no subscriptions',
          'Its messages are refused until it is subscribed to a destination.',
          buttonLink(
            `${SUBSCRIPTIONS_PATH}/new?sourceId=${sourceId}`,
            'Add subscription',
            'primary',
          ),
        )
  }</section>`

/** Lists each reason for which the message would be refused. It can be sent anyway, to see the refusal. */
async function refusalWarning(
  context: PageContext,
  sourceId: string,
  subscription: SubscriptionListItem,
): Promise<Html> {
  const key = await context.services.sources.findKey(sourceId)
  const reasons = [
    ...(key.ok && key.value === null
      ? [html`The source has no key: <a href="${NEW_KEY_PATH}?key-type=redox">create one</a>.`]
      : []),
    ...(key.ok && key.value?.status === 'disabled'
      ? [html`The source’s key is disabled: <a href="${formatKeyPath(key.value)}">enable it</a>.`]
      : []),
    ...(subscription.status === 'paused'
      ? [
          html`The subscription is paused: <a href="${formatSubscriptionPath(subscription.id)}">resume it</a>.`,
        ]
      : []),
    ...(subscription.destination.verifiedAt === null
      ? [
          html`The destination is not verified: <a href="${formatDestinationPath(subscription.destination.id)}">verify it</a>.`,
        ]
      : []),
  ]
  if (reasons.length === 0) return nothing
  return notice(
    'warn',
    'The message will be refused',
    html`${reasons.map((reason) => html`<p>${reason}</p>`)}`,
  )
}

const MAX_REPLY_CHARACTERS = 8_000

/** Shows the response as the vendor gets it, and the reason of a refusal, which the vendor does not get. */
function testReplyCard({ reply, refusal, messageId }: TestMessageReply): Html {
  const body = indentJson(reply.body)
  const headerLines = Object.entries(reply.headers ?? {}).map(
    ([name, value]) => `${name}: ${value}`,
  )
  const headLines = [`HTTP/1.1 ${reply.status}`, `Content-Type: ${reply.type}`, ...headerLines]
  return html`<section class="card" aria-label="Response"><h2>Response</h2>
    ${refusal === null ? acceptedNotice(messageId) : refusalNotice(refusal)}
    <p>The vendor’s program would get this response:</p>
    <pre class="wrap" tabindex="0">${[...headLines, '', body.slice(0, MAX_REPLY_CHARACTERS)].join('\n')}${body.length > MAX_REPLY_CHARACTERS ? ' …' : nothing}</pre></section>`
}

const acceptedNotice = (messageId: string | null): Html =>
  messageId === null
    ? notice(
        'good',
        'The destination has responded',
        'The event is synchronous, so nothing is stored.',
      )
    : notice(
        'good',
        'The message is accepted',
        html`<a href="${formatMessagePath(messageId)}">View its delivery</a>`,
      )

const refusalNotice = ({ sentence, advice }: NonNullable<TestMessageReply['refusal']>): Html =>
  notice('bad', 'The message was refused', html`${sentence} ${withCode(advice ?? '')}`)

export interface MessagePageDeps {
  readonly testMessages: TestMessages
}
