import { html } from 'hono/html'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { listPage } from '../list-page.ts'
import { accountIdOf, accountNames } from '../one-account.ts'
import { field, link, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { empty } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import { mountAddPerson } from './add.ts'
import { mountInviting } from './invite.ts'
import { mountLeaving } from './leave.ts'
import { mountManaging } from './manage.ts'
import { PEOPLE } from './paths.ts'
import { mountPerson } from './person.ts'
import { mountRoles } from './roles.ts'
import { signingIn } from './signing-in.ts'

/** Who works here, what each may do, and how each comes in. Named paths first: `:id` is anything. */
export function mountPeople(area: Area): void {
  area.show(PEOPLE, 'users.read', list)
  mountRoles(area)
  mountAddPerson(area)
  mountPerson(area)
  mountManaging(area)
  mountInviting(area)
  mountLeaving(area)
}

const FOUND_MOST = 50

async function list(visit: Visit): Promise<Response> {
  const { accounts, people, places } = visit.desk
  const q = text(visit, 'q')
  const { rows, pages } =
    q === ''
      ? await listPage(visit, accounts.listUsers)
      : { rows: await accounts.searchUsers({ text: q, limit: FOUND_MOST }), pages: nothing }
  const ids = rows.map(({ id }) => id)
  const [standings, counted, names] = await Promise.all([
    people.standings(ids),
    places.countKeys('owner', ids),
    accountNames(visit, rows),
  ])
  const standingOf = new Map(standings.map((each) => [each.userId, each]))
  const keysOf = new Map(counted.map(({ id, keys }) => [id, keys]))
  const add = visit.may('users.write') ? link(`${PEOPLE}/new`, 'Add a person', 'primary') : nothing
  const found = html`<section class="card flush">${table({
    caption:
      q === '' ? 'People, the oldest first' : `Whose e-mail address or username holds “${q}”`,
    columns: [
      { name: 'Person' },
      ...(names === null ? [] : [{ name: 'Account' }]),
      { name: 'Role' },
      { name: 'Signing in' },
      { name: 'Keys', end: true },
      { name: 'Last seen', end: true },
    ],
    rows: rows.map((user) => {
      const standing = standingOf.get(user.id)
      return [
        html`<a href="${PEOPLE}/${user.id}">${user.email}</a>${user.username === null ? nothing : html`<span class="sub">${user.username}</span>`}`,
        ...(names === null ? [] : [names.get(user.accountId) ?? '']),
        user.role,
        signingIn(user, standing),
        html`<a href="/console/keys?owner=${user.id}" aria-label="${keysOf.get(user.id) ?? 0} keys of ${user.email}">${keysOf.get(user.id) ?? 0}</a>`,
        standing?.seenAt == null ? 'never' : moment(standing.seenAt, visit.now),
      ]
    }),
  })}${pages}</section>`
  const body = html`<form class="filters" method="get" action="${PEOPLE}" role="search" data-filter>
      ${field({ name: 'q', label: 'E-mail address or username', type: 'search', value: q, wide: true })}${submit('Search', '')}
    </form>
    ${rows.length > 0 ? found : html`<section class="card flush">${nobody(q, add)}</section>`}`
  return page(
    visit,
    {
      title: 'People',
      about: accountIdOf(visit) === null ? 'All accounts' : 'Who works here, and what each may do.',
      actions: html`${link(`${PEOPLE}/roles`, 'What each role may')}${add}`,
    },
    body,
  )
}

const nobody = (q: string, add: Html): Html =>
  q === ''
    ? empty('Nobody yet', 'Add the people who work with the keys of this account.', add)
    : empty(
        'Nobody is called so',
        'Only those who have not left are found. Try a shorter part of the name.',
        link(PEOPLE, 'Show everybody'),
      )
