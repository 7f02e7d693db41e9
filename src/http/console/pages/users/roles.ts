import { html } from 'hono/html'
import type { Role } from '../../../../domain/key.ts'
import {
  canGrantRole,
  hasPermission,
  PERMISSIONS,
  type Permission,
  ROLES,
} from '../../../../domain/role.ts'
import { radioGroup } from '../../components/form.ts'
import type { Html } from '../../components/html.ts'
import { USERS_CRUMBS, USERS_PATH } from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'

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
  'directory.write': 'Change sites and developers',
  'ip_allowlist.write': 'Change the IP allowlist',
  'users.write': 'Add, invite and deactivate users, and change roles',
  'destinations.mark_verified': 'Mark destinations as verified without a challenge',
  'accounts.read': 'Show all accounts',
  'accounts.write': 'Create, close, reopen and delete accounts',
  'audit.verify': 'Verify the chain of the audit',
  'audit.accept': 'Accept a restored database, so that sealing resumes',
  'audit.export': 'Export the audit',
}

/** The page that lists what each role may do beyond the role before it. */
export function mountRolesPage(router: ConsoleRouter): void {
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
export const roleField = (ownRole: Role, value: string): Html =>
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
