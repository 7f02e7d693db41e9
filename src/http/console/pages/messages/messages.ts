import { html } from 'hono/html'
import type { MessageFilter } from '../../../../service/ports/messages.ts'
import { getAccountId } from '../../account-selection.ts'
import {
  buttonLink,
  hiddenField,
  PICKER_ROW_LIMIT,
  type PickerOptions,
  resourcePicker,
  selectField,
  submitButton,
  toPickerOptions,
} from '../../components/form.ts'
import { emptyState, type Html, nothing } from '../../components/html.ts'
import { loadListPage } from '../../components/table.ts'
import { getField, getOptionalId, type PageContext } from '../../context.ts'
import { MESSAGES_PATH, SOURCES_PATH, TEST_MESSAGE_PATH } from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { mountMessageDetailPages, mountPayloadForms, mountReplayAndSkipPages } from './message.ts'
import { messageTable } from './message-components.ts'
import { type MessagePageDeps, mountTestMessagePages } from './test-message.ts'

/** Mounts the pages of messages. Fixed paths precede `/:id`. */
export function mountMessagePages(router: ConsoleRouter, deps: MessagePageDeps): void {
  router.page(MESSAGES_PATH, 'messages.list', showMessageListPage)
  mountTestMessagePages(router, deps)
  mountMessageDetailPages(router)
  mountReplayAndSkipPages(router)
  mountPayloadForms(router)
}

const ANY_CHOICE = { value: '', text: 'Any' }

const STATUS_CHOICES = [
  { value: 'queued', text: 'Queued' },
  { value: 'delivered', text: 'Delivered' },
  { value: 'skipped', text: 'Skipped' },
] as const

async function showMessageListPage(context: PageContext): Promise<Response> {
  const filter = parseMessageFilter(context)
  const optionsQuery = {
    accountId: getAccountId(context) ?? undefined,
    limit: PICKER_ROW_LIMIT,
  }
  const [sources, destinations] = await Promise.all([
    context.services.sources.list(optionsQuery),
    context.services.destinations.list(optionsQuery),
  ])
  const { rows, pagination } = await loadListPage(context, (page) =>
    context.services.messages.list({
      ...page,
      ...filter,
      accountId: getAccountId(context) ?? undefined,
    }),
  )
  const isNarrowed = Object.values(filter).some((value) => value !== undefined)
  const testLink = context.can('messages.send')
    ? buttonLink(TEST_MESSAGE_PATH, 'Send test message', 'primary')
    : nothing
  const body = html`${messageFilterForm(context, isNarrowed, toPickerOptions(sources), toPickerOptions(destinations))}
    <section class="card flush" aria-label="Messages">${
      rows.length > 0
        ? html`${messageTable(context, rows, 'Newest first', sources)}${pagination}`
        : isNarrowed
          ? emptyState(
              'No matching messages',
              'No message matches all filters.',
              buttonLink(MESSAGES_PATH, 'Show all messages'),
            )
          : emptyState(
              'No messages yet',
              html`Messages come from <a href="${SOURCES_PATH}">sources</a>. Send a test message to try it.`,
              testLink,
            )
    }</section>`
  const about = 'Messages from sources, and their delivery to destinations.'
  return renderPage(context, { heading: 'Messages', about, actions: testLink }, body)
}

function parseMessageFilter(context: PageContext): MessageFilter {
  const kind = getField(context, 'kind')
  return {
    sourceId: getOptionalId(context, 'source'),
    destinationId: getOptionalId(context, 'destination'),
    subscriptionId: getOptionalId(context, 'subscription'),
    status: STATUS_CHOICES.find(({ value }) => value === getField(context, 'status'))?.value,
    test: kind === 'test' ? true : kind === 'real' ? false : undefined,
  }
}

const messageFilterForm = (
  context: PageContext,
  isNarrowed: boolean,
  sources: PickerOptions,
  destinations: PickerOptions,
): Html => html`
  <form class="filters" method="get" action="${MESSAGES_PATH}" role="search" aria-label="Messages" data-filter>
    ${hiddenFilter(context, 'subscription')}${filterField(context, 'source', 'Source', sources)}${filterField(context, 'destination', 'Destination', destinations)}
    ${selectField({
      name: 'status',
      label: 'State',
      value: getField(context, 'status'),
      choices: [ANY_CHOICE, ...STATUS_CHOICES],
    })}
    ${selectField({
      name: 'kind',
      label: 'Tests',
      value: getField(context, 'kind'),
      choices: [
        { value: '', text: 'With tests' },
        { value: 'real', text: 'Without tests' },
        { value: 'test', text: 'Only tests' },
      ],
    })}${submitButton('Filter', '')}${isNarrowed ? buttonLink(MESSAGES_PATH, 'Show all messages', 'quiet') : nothing}
  </form>`

/** Keeps a filter that has no visible field. */
const hiddenFilter = (context: PageContext, name: string): Html =>
  getField(context, name) === '' ? nothing : hiddenField(name, getField(context, name))

function filterField(
  context: PageContext,
  name: string,
  label: string,
  options: PickerOptions,
): Html {
  const value = getField(context, name)
  // A link may ask for a row of another account, which the list does not have.
  const isListed = value === '' || options?.some((option) => option.value === value)
  return options === null || !isListed
    ? hiddenFilter(context, name)
    : resourcePicker({ name, label, value, noneChoice: ANY_CHOICE, options })
}
