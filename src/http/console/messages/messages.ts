import { html } from 'hono/html'
import type { MessageFilter } from '../../../service/ports.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { listPage } from '../list-page.ts'
import { accountIdOf } from '../one-account.ts'
import { hidden, link, select, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { empty } from '../parts/words.ts'
import { SOURCES } from '../routes/paths.ts'
import { optionalId, text, type Visit } from '../visit.ts'
import { messageTable } from './message-table.ts'
import { MESSAGES } from './paths.ts'

const STATES = ['queued', 'delivered', 'skipped'] as const
/** So many a list to choose from still serves; beyond it, a link of theirs asks for one. */
const MOST = 200

/** What came in, the newest first. */
export function mountMessages(area: Area): void {
  area.show(MESSAGES, 'messages.read', list)
}

async function list(visit: Visit): Promise<Response> {
  const asked = questionsOf(visit)
  const few = { accountId: accountIdOf(visit) ?? undefined, limit: MOST + 1 }
  const [sources, destinations] = await Promise.all([
    visit.desk.routes.listSources(few),
    visit.desk.routes.listDestinations(few),
  ])
  const { rows, pages } = await listPage(visit, (page) =>
    visit.desk.messages.list({ ...page, ...asked, accountId: accountIdOf(visit) ?? undefined }),
  )
  const isNarrowed = Object.values(asked).some((value) => value !== undefined)
  const test = visit.may('messages.send')
    ? link(`${MESSAGES}/test`, 'Send a test message', 'primary')
    : nothing
  const body = html`${filters(visit, isNarrowed, sources, destinations)}
    <section class="card flush" aria-label="Messages">${
      rows.length > 0
        ? html`${messageTable(visit, rows, 'The newest first', sources)}${pages}`
        : isNarrowed
          ? empty(
              'No such message',
              'None answers to all of what is asked above.',
              link(MESSAGES, 'Show all messages'),
            )
          : empty(
              'No messages yet',
              html`They come from <a href="${SOURCES}">sources</a>. Send one yourself, to see it go.`,
              test,
            )
    }</section>`
  const about = 'What sources have sent, and where it got to.'
  return page(visit, { title: 'Messages', about, actions: test }, body)
}

function questionsOf(visit: Visit): MessageFilter {
  const kind = text(visit, 'kind')
  return {
    sourceId: optionalId(visit, 'source'),
    destinationId: optionalId(visit, 'destination'),
    subscriptionId: optionalId(visit, 'feed'),
    status: STATES.find((state) => state === text(visit, 'status')),
    test: kind === 'test' ? true : kind === 'real' ? false : undefined,
  }
}

type Named = readonly { readonly id: string; readonly name: string }[]

const filters = (
  visit: Visit,
  isNarrowed: boolean,
  sources: Named,
  destinations: Named,
): Html => html`
  <form class="filters" method="get" action="${MESSAGES}" role="search" aria-label="Messages" data-filter>
    ${kept(visit, 'feed')}${among(visit, 'source', 'Source', sources)}${among(visit, 'destination', 'Destination', destinations)}
    ${select({
      name: 'status',
      label: 'State',
      value: text(visit, 'status'),
      choices: [
        { value: '', text: 'Any' },
        { value: 'queued', text: 'Queued' },
        { value: 'delivered', text: 'Delivered' },
        { value: 'skipped', text: 'Skipped' },
      ],
    })}
    ${select({
      name: 'kind',
      label: 'Tests',
      value: text(visit, 'kind'),
      choices: [
        { value: '', text: 'With tests' },
        { value: 'real', text: 'Without tests' },
        { value: 'test', text: 'Tests alone' },
      ],
    })}${submit('Filter', '')}${isNarrowed ? link(MESSAGES, 'Show all messages', 'quiet') : nothing}
  </form>`

/** It stays while the other filters are changed. */
const kept = (visit: Visit, name: string): Html =>
  text(visit, name) === '' ? nothing : hidden(name, text(visit, name))

function among(visit: Visit, name: string, label: string, rows: Named): Html {
  const value = text(visit, name)
  // One of another account, that a link asked for, is not in the list.
  const isListed = value === '' || rows.some(({ id }) => id === value)
  if (rows.length > MOST || !isListed) return kept(visit, name)
  const choices = rows.map((row) => ({ value: row.id, text: row.name }))
  return select({ name, label, value, choices: [{ value: '', text: 'Any' }, ...choices] })
}
