import { html } from 'hono/html'
import {
  canGrantRole,
  canManageUser,
  hasPermission,
  PERMISSIONS,
  type Permission,
  ROLES,
  type Role,
} from '../../../domain/role.ts'
import type { User } from '../../../service/ports/accounts.ts'
import { buttonLink, radioGroup, submitButton, textField } from '../components/form.ts'
import {
  badge,
  emptyState,
  formatCount,
  type Html,
  nothing,
  relativeTime,
} from '../components/html.ts'
import { loadListPage } from '../components/table.ts'
import { getField, type PageContext } from '../context.ts'
import {
  AUDIT_PATH,
  KEYS_PATH,
  PROFILE_PATH,
  SETTINGS_PATH,
  USERS_CRUMBS,
  USERS_PATH,
} from '../navigation.ts'
import { renderPage } from '../render.ts'
import { findKeysObstacle, mountAction } from '../resource/changes.ts'
import {
  type ExtraColumn,
  emptyList,
  loadKeyCounts,
  renderList,
  resourceTable,
} from '../resource/list.ts'
import { mountPage } from '../resource/page.ts'
import type { Resource } from '../resource/resource.ts'
import type { ConsoleRouter } from '../router.ts'
import {
  mountInvitationPages,
  mountUserCreation,
  signInBadges,
  signInCard,
} from './user-sign-in.ts'

const USERS: Resource<User> = {
  group: 'users',
  noun: 'user',
  path: USERS_PATH,
  find: ({ services }, id) => services.users.find(id),
  getName: ({ email }) => email,
  widgets: { role: ({ session }, value) => roleField(session.user.role, value || 'member') },
}

/** The pages of users. Fixed paths precede `/:id`. */
export function mountUserPages(router: ConsoleRouter): void {
  router.page(USERS_PATH, ['users.list', 'users.search'], showUserList)
  mountRolesPage(router)
  mountUserCreation(router, USERS)
  mountInvitationPages(router)
  mountAction(router, USERS, { verb: 'resetSecondFactor', isDangerous: true })
  mountPage(router, USERS, {
    edits: ['setUsername', 'setEmail', 'setRole'],
    canEdit: canEditUser,
    actions: [
      { verb: 'signOut', isDangerous: true, isOffered: canEditUser },
      {
        verb: 'deactivate',
        isDangerous: true,
        isOffered: canEditUser,
        details: describeDeactivation,
      },
      {
        verb: 'delete',
        isDangerous: true,
        isOffered: (user, { session }) =>
          user.deactivatedAt !== null && canManageUser(session.user, user),
        findObstacle: async ({ id, deactivatedAt }, context) =>
          deactivatedAt === null
            ? html`The user is active: <a href="${USERS_PATH}/${id}/deactivate">deactivate</a> them first.`
            : findKeysObstacle(
                context,
                { ownerId: id },
                `${KEYS_PATH}?owner=${id}`,
                'Give each another owner on its page (“Edit”), or delete it where its type allows that.',
              ),
      },
    ],
    loadParts: async (context, user) => {
      const { users } = context.services
      const [[signInStatus], getKeyCount] = await Promise.all([
        users.listSignInStatus([user.id]),
        loadKeyCounts(users, [user]),
      ])
      return {
        facts: [
          [
            'Keys',
            html`<a href="${KEYS_PATH}?owner=${user.id}">${formatCount(getKeyCount(user), 'key')}</a>`,
          ],
          [
            'Audit',
            html`<a href="${AUDIT_PATH}?actor=${user.id}">Actions of this user</a>, <a href="${AUDIT_PATH}?subject=${user.id}">changes of this user</a>`,
          ],
        ],
        cards: html`${signInCard(context, user, signInStatus, canEditUser(user, context))}${readOnlyCard(context, user)}`,
      }
    },
  })
}

const MAX_SEARCH_RESULTS = 50

async function showUserList(context: PageContext): Promise<Response> {
  const { users } = context.services
  const text = getField(context, 'q')
  const { rows, pagination } =
    text === ''
      ? await loadListPage(context, users.list)
      : { rows: await users.search({ text, limit: MAX_SEARCH_RESULTS }), pagination: nothing }
  const list = {
    nameCell: ({ email, username }: User) =>
      html`${email}${username === null ? nothing : html`<span class="sub">${username}</span>`}`,
    omittedColumns: ['email', 'username', 'deactivatedAt', 'createdAt'] as const,
    loadColumns: loadUserColumns,
  }
  const caption = text === '' ? undefined : `Users whose e-mail address or username has “${text}”`
  const body = html`<form class="filters" method="get" action="${USERS_PATH}" role="search" data-filter>
      ${textField({ name: 'q', label: 'E-mail address or username', type: 'search', value: text, wide: true })}${submitButton('Search', '')}
    </form>
    ${
      rows.length > 0
        ? html`<section class="card flush">${await resourceTable(context, USERS, rows, list, caption)}${pagination}</section>`
        : text === ''
          ? emptyList(context, USERS)
          : html`<section class="card flush">${emptyState(
              'No user found',
              'Only active users are found. Try a shorter part of the name.',
              buttonLink(USERS_PATH, 'Show all users'),
            )}</section>`
    }`
  const rolesLink = buttonLink(`${USERS_PATH}/roles`, 'Roles and permissions')
  return renderList(context, USERS, body, rolesLink)
}

async function loadUserColumns(
  context: PageContext,
  rows: readonly User[],
): Promise<ExtraColumn<User>[]> {
  const { users } = context.services
  const [signInStatuses, getKeyCount] = await Promise.all([
    users.listSignInStatus(rows.map(({ id }) => id)),
    loadKeyCounts(users, rows),
  ])
  const signInStatusByUser = new Map(signInStatuses.map((status) => [status.userId, status]))
  return [
    { name: 'Sign-in', cell: (user) => signInBadges(user, signInStatusByUser.get(user.id)) },
    {
      name: 'Keys',
      end: true,
      cell: (user) => {
        const count = getKeyCount(user)
        return html`<a href="${KEYS_PATH}?owner=${user.id}" aria-label="${formatCount(count, 'key')} of ${user.email}">${count}</a>`
      },
    },
    {
      name: 'Last seen',
      end: true,
      cell: ({ id }) => {
        const seenAt = signInStatusByUser.get(id)?.seenAt ?? null
        return seenAt === null ? 'never' : relativeTime(seenAt, context.now)
      },
    },
  ]
}

function canEditUser(user: User, { session }: PageContext): boolean {
  return user.deactivatedAt === null && canManageUser(session.user, user)
}

/** The reason that this user cannot be changed here. */
function readOnlyCard(context: PageContext, user: User): Html {
  const card = (title: string, text: Html | string) =>
    html`<section class="card"><h2>${title}</h2><p>${text}</p></section>`
  if (context.session.user.id === user.id) {
    return card(
      'This is you',
      html`Change your password, second factor and sessions under <a href="${PROFILE_PATH}">Profile and security</a>. Another user changes your role.`,
    )
  }
  if (!context.can('users.write')) return nothing
  if (user.deactivatedAt !== null) {
    return card(
      'This user is deactivated',
      'To let them work here again, add a new user. Give each key that they still own another owner.',
    )
  }
  return canEditUser(user, context)
    ? nothing
    : card('Changes', html`${badge(user.role)} Only another ${user.role} can change this user.`)
}

async function describeDeactivation(user: User, context: PageContext): Promise<Html> {
  const { accounts, users } = context.services
  const [account, getKeyCount] = await Promise.all([
    accounts.find(user.accountId),
    loadKeyCounts(users, [user]),
  ])
  const keys = getKeyCount(user)
  const intro = html`<p>To let the user work here again, add a new user.</p>`
  if (keys === 0) return html`${intro}<p>The user owns no keys.</p>`
  const isDisablingKeys = account.ok && account.value.offboardingPolicy === 'disable'
  return html`${intro}
    <p>The user owns <a href="${KEYS_PATH}?owner=${user.id}">${formatCount(keys, 'key')}</a>. ${
      isDisablingKeys
        ? html`<strong>Enabled keys are disabled too</strong>: requests with them are refused. If programs depend on them, give them another owner first.`
        : html`The keys continue to work, and are flagged until another user owns them.`
    } The account’s <a href="${SETTINGS_PATH}">settings</a> decide this.</p>`
}

/** A label for each permission. */
const PERMISSION_LABELS: Readonly<Record<Permission, string>> = {
  'account.read': 'See the account and its traffic',
  'keys.read': 'See keys, never their secrets',
  'routes.read': 'See sources, destinations and subscriptions',
  'messages.read': 'See messages and their deliveries, never payloads',
  'directory.read': 'See sites, developers and the IP allowlist',
  'users.read': 'See users',
  'audit.read': 'See the audit',
  'requests.explain': 'Look up requests',
  'keys.write': 'Create, edit, assign, disable, enable, rotate and revoke keys',
  'keys.view': 'View secrets that can be viewed again',
  'routes.write': 'Change sources, destinations and subscriptions',
  'messages.send': 'Send test messages, replay and skip messages',
  'messages.open': 'Open payloads, which can be health data',
  'account.write': 'Rename the account, and set its offboarding policy',
  'keys.import': 'Import keys, and undo imports',
  'keys.export': 'Export keys',
  'directory.write': 'Change sites and developers',
  'ip_allowlist.write': 'Change the IP allowlist',
  'users.write': 'Add, invite and deactivate users, and change roles',
  'sunsets.write': 'Plan the retirement of keys',
  'destinations.mark_verified': 'Mark destinations as verified without a challenge',
  'accounts.read': 'Show all accounts',
  'accounts.write': 'Create, close, reopen and delete accounts',
  'audit.verify': 'Verify the chain of the audit',
  'audit.accept': 'Accept a restored database, so that sealing resumes',
  'audit.export': 'Export the audit',
}

/** The page that lists what each role may do beyond the role before it. */
function mountRolesPage(router: ConsoleRouter): void {
  router.page(`${USERS_PATH}/roles`, 'users.list', (context) => {
    const body = html`<section class="card flush">${ROLES.map(roleSection)}</section>
    <p class="prose soft">All users manage their own password, second factor and sessions. Users cannot change their own role, or the role of a user above them. Only engineers and administrators can own keys.</p>`
    const crumbs = USERS_CRUMBS
    return renderPage(context, { heading: 'Roles and permissions', crumbs }, body)
  })
}

const ROLE_SUMMARIES: Readonly<Record<Role, string>> = {
  member: 'Reads:',
  engineer: 'Everything that a member can do, and:',
  administrator: 'Everything that an engineer can do, and:',
  operator: 'Everything that an administrator can do, in every account, and:',
}

function roleSection(role: Role, n: number): Html {
  const lowerRole = ROLES[n - 1]
  const addedPermissions = PERMISSIONS.filter(
    (permission) =>
      hasPermission(role, permission) &&
      (lowerRole === undefined || !hasPermission(lowerRole, permission)),
  )
  return html`<div class="rung"><div class="stack tight"><h2>${role}</h2><p class="soft small">${ROLE_SUMMARIES[role]}</p></div>
    <ul>${addedPermissions.map((permission) => html`<li>${PERMISSION_LABELS[permission]}</li>`)}</ul></div>`
}

const ROLE_HINTS: Readonly<Record<Role, string>> = {
  member: 'Can read, but never sees a secret or a payload.',
  engineer: 'Can also create and change keys, sources, destinations and subscriptions.',
  administrator: 'Can do everything in the account: users, sites and the IP allowlist too.',
  operator: 'Can do everything in every account of this server.',
}

/** A field for the roles that a user of role `ownRole` may grant. */
const roleField = (ownRole: Role, value: string): Html =>
  radioGroup({
    name: 'role',
    legend: 'Role',
    value,
    options: ROLES.filter((role) => canGrantRole(ownRole, role)).map((role) => ({
      value: role,
      text: role,
      hint: ROLE_HINTS[role],
    })),
  })
