import { html } from 'hono/html'
import type { MessageFilter } from '../../../../service/ports/messages.ts'
import { getAccountId } from '../../account-selection.ts'
import { buttonLink, hiddenField, selectField, submitButton } from '../../components/form.ts'
import { emptyState, type Html, nothing } from '../../components/html.ts'
import { getField, getOptionalId, type PageContext } from '../../context.ts'
import { loadListPage } from '../../list-page.ts'
import { MESSAGES_PATH, SOURCES_PATH } from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { mountMessageDetailPages } from './message.ts'
import { mountPayloadForms, mountReplayAndSkipPages } from './message-actions.ts'
import { messageTable } from './message-tables.ts'
import { type MessagePageDeps, mountTestMessagePages } from './test-message.ts'

/** What came in, and what a person sends himself. A word in a path comes before an id. */
export function mountMessagePages(router: ConsoleRouter, deps: MessagePageDeps): void {
  mountMessageListPages(router)
  mountTestMessagePages(router, deps)
  mountMessageDetailPages(router)
  mountReplayAndSkipPages(router)
  mountPayloadForms(router)
}

const MESSAGE_STATUSES = ['queued', 'delivered', 'skipped'] as const
/** So many a list to choose from still serves; beyond it, a link of theirs asks for one. */
const MAX_FILTER_CHOICES = 200

/** What came in, the newest first. */
export function mountMessageListPages(router: ConsoleRouter): void {
  router.page(MESSAGES_PATH, 'messages.read', showMessageListPage)
}

async function showMessageListPage(context: PageContext): Promise<Response> {
  const filter = parseMessageFilter(context)
  const optionsQuery = {
    accountId: getAccountId(context) ?? undefined,
    limit: MAX_FILTER_CHOICES + 1,
  }
  const [sources, destinations] = await Promise.all([
    context.services.routing.listSources(optionsQuery),
    context.services.routing.listDestinations(optionsQuery),
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
    ? buttonLink(`${MESSAGES_PATH}/test`, 'Send a test message', 'primary')
    : nothing
  const body = html`${messageFilterForm(context, isNarrowed, sources, destinations)}
    <section class="card flush" aria-label="Messages">${
      rows.length > 0
        ? html`${messageTable(context, rows, 'The newest first', sources)}${pagination}`
        : isNarrowed
          ? emptyState(
              'No such message',
              'None answers to all of what is asked above.',
              buttonLink(MESSAGES_PATH, 'Show all messages'),
            )
          : emptyState(
              'No messages yet',
              html`They come from <a href="${SOURCES_PATH}">sources</a>. Send one yourself, to see it go.`,
              testLink,
            )
    }</section>`
  const about = 'What sources have sent, and where it got to.'
  return renderPage(context, { heading: 'Messages', about, actions: testLink }, body)
}

function parseMessageFilter(context: PageContext): MessageFilter {
  const kind = getField(context, 'kind')
  return {
    sourceId: getOptionalId(context, 'source'),
    destinationId: getOptionalId(context, 'destination'),
    subscriptionId: getOptionalId(context, 'feed'),
    status: MESSAGE_STATUSES.find((state) => state === getField(context, 'status')),
    test: kind === 'test' ? true : kind === 'real' ? false : undefined,
  }
}

type NamedRows = readonly { readonly id: string; readonly name: string }[]

const messageFilterForm = (
  context: PageContext,
  isNarrowed: boolean,
  sources: NamedRows,
  destinations: NamedRows,
): Html => html`
  <form class="filters" method="get" action="${MESSAGES_PATH}" role="search" aria-label="Messages" data-filter>
    ${hiddenFilter(context, 'feed')}${filterField(context, 'source', 'Source', sources)}${filterField(context, 'destination', 'Destination', destinations)}
    ${selectField({
      name: 'status',
      label: 'State',
      value: getField(context, 'status'),
      choices: [
        { value: '', text: 'Any' },
        { value: 'queued', text: 'Queued' },
        { value: 'delivered', text: 'Delivered' },
        { value: 'skipped', text: 'Skipped' },
      ],
    })}
    ${selectField({
      name: 'kind',
      label: 'Tests',
      value: getField(context, 'kind'),
      choices: [
        { value: '', text: 'With tests' },
        { value: 'real', text: 'Without tests' },
        { value: 'test', text: 'Tests alone' },
      ],
    })}${submitButton('Filter', '')}${isNarrowed ? buttonLink(MESSAGES_PATH, 'Show all messages', 'quiet') : nothing}
  </form>`

/** It stays while the other filters are changed. */
const hiddenFilter = (context: PageContext, name: string): Html =>
  getField(context, name) === '' ? nothing : hiddenField(name, getField(context, name))

function filterField(context: PageContext, name: string, label: string, rows: NamedRows): Html {
  const value = getField(context, name)
  // One of another account, that a link asked for, is not in the list.
  const isListed = value === '' || rows.some(({ id }) => id === value)
  if (rows.length > MAX_FILTER_CHOICES || !isListed) return hiddenFilter(context, name)
  const choices = rows.map((row) => ({ value: row.id, text: row.name }))
  return selectField({ name, label, value, choices: [{ value: '', text: 'Any' }, ...choices] })
}
