import { html } from 'hono/html'
import { findAccountNames, getAccountId } from '../../account-selection.ts'
import { buttonLink, submitButton, textField } from '../../components/form.ts'
import { emptyState, type Html, nothing } from '../../components/html.ts'
import { table } from '../../components/table.ts'
import { relativeTime } from '../../components/time.ts'
import { getField, type PageContext } from '../../context.ts'
import { loadListPage } from '../../list-page.ts'
import { KEYS_PATH, USERS_PATH } from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { mountUserActions } from './deactivation.ts'
import { mountAddUser, mountInvitationPages } from './invitations.ts'
import { mountRolesPage } from './roles.ts'
import { mountUserForms, mountUserPage, signInBadges } from './user.ts'

/** The pages of users. Named paths come first, because `:id` matches anything. */
export function mountUserPages(router: ConsoleRouter): void {
  router.page(USERS_PATH, 'users.read', showUserList)
  mountRolesPage(router)
  mountAddUser(router)
  mountUserPage(router)
  mountUserForms(router)
  mountInvitationPages(router)
  mountUserActions(router)
}

const MAX_SEARCH_RESULTS = 50

async function showUserList(context: PageContext): Promise<Response> {
  const { users } = context.services
  const searchText = getField(context, 'q')
  const { rows, pagination } =
    searchText === ''
      ? await loadListPage(context, users.list)
      : {
          rows: await users.search({ text: searchText, limit: MAX_SEARCH_RESULTS }),
          pagination: nothing,
        }
  const ids = rows.map(({ id }) => id)
  const [signInStatuses, keyCounts, names] = await Promise.all([
    users.listSignInStatus(ids),
    users.countKeys(ids),
    findAccountNames(context, rows),
  ])
  const signInStatusByUser = new Map(signInStatuses.map((state) => [state.userId, state]))
  const keyCountByUser = new Map(keyCounts.map(({ id, keys }) => [id, keys]))
  const addLink = context.can('users.write')
    ? buttonLink(`${USERS_PATH}/new`, 'Add a person', 'primary')
    : nothing
  const userTable = html`<section class="card flush">${table({
    caption:
      searchText === ''
        ? 'People, the oldest first'
        : `Whose e-mail address or username holds “${searchText}”`,
    columns: [
      { name: 'Person' },
      ...(names === null ? [] : [{ name: 'Account' }]),
      { name: 'Role' },
      { name: 'Signing in' },
      { name: 'Keys', end: true },
      { name: 'Last seen', end: true },
    ],
    rows: rows.map((user) => {
      const signInStatus = signInStatusByUser.get(user.id)
      return [
        html`<a href="${USERS_PATH}/${user.id}">${user.email}</a>${user.username === null ? nothing : html`<span class="sub">${user.username}</span>`}`,
        ...(names === null ? [] : [names.get(user.accountId) ?? '']),
        user.role,
        signInBadges(user, signInStatus),
        html`<a href="${KEYS_PATH}?owner=${user.id}" aria-label="${keyCountByUser.get(user.id) ?? 0} keys of ${user.email}">${keyCountByUser.get(user.id) ?? 0}</a>`,
        signInStatus?.seenAt == null ? 'never' : relativeTime(signInStatus.seenAt, context.now),
      ]
    }),
  })}${pagination}</section>`
  const body = html`<form class="filters" method="get" action="${USERS_PATH}" role="search" data-filter>
      ${textField({ name: 'q', label: 'E-mail address or username', type: 'search', value: searchText, wide: true })}${submitButton('Search', '')}
    </form>
    ${rows.length > 0 ? userTable : html`<section class="card flush">${emptyUserList(searchText, addLink)}</section>`}`
  return renderPage(
    context,
    {
      heading: 'People',
      about:
        getAccountId(context) === null ? 'All accounts' : 'Who works here, and what each may do.',
      actions: html`${buttonLink(`${USERS_PATH}/roles`, 'Roles and permissions')}${addLink}`,
    },
    body,
  )
}

const emptyUserList = (searchText: string, addLink: Html): Html =>
  searchText === ''
    ? emptyState('Nobody yet', 'Add the people who work with the keys of this account.', addLink)
    : emptyState(
        'No person found',
        'Only those who have not left are found. Try a shorter part of the name.',
        buttonLink(USERS_PATH, 'Show everybody'),
      )
