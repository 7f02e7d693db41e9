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
  'routes.read': 'See sources, destinations and feeds',
  'messages.read': 'See which messages went where, never what is in them',
  'places.read': 'See sites, developers and addresses',
  'users.read': 'See people',
  'audit.read': 'See the audit',
  'requests.explain': 'Have a request explained',
  'keys.write': 'Create, edit, assign, disable, enable, rotate and revoke keys',
  'keys.view': 'View secrets that can be viewed again',
  'routes.write': 'Change sources, destinations and feeds',
  'messages.send': 'Send test messages, replay and skip messages',
  'messages.open': 'Open messages, which may be health data',
  'account.write': 'Rename the account, and say what becomes of keys whose owner leaves',
  'places.write': 'Change sites and developers',
  'addresses.write': 'Say from which addresses keys may be used',
  'users.write': 'Add and invite people, change roles, let people leave',
  'destinations.vouch': 'Take a destination for verified by one’s word alone',
  'accounts.read': 'See all accounts',
  'accounts.write': 'Create, close and open accounts',
  'audit.verify': 'Prove the chain of the audit',
  'audit.accept': 'Accept a restored database, so that sealing resumes',
  'audit.export': 'Export the audit',
}

/** The page that lists what each role may do beyond the role before it. */
export function mountRolesPage(router: ConsoleRouter): void {
  router.page(`${USERS_PATH}/roles`, 'users.list', (context) => {
    const body = html`<section class="card flush">${ROLES.map(roleSection)}</section>
    <p class="prose soft">Everybody looks after their own password, second factor and sessions. Nobody changes their own role, nor that of somebody above them. Only engineers and administrators own keys.</p>`
    const crumbs = USERS_CRUMBS
    return renderPage(context, { heading: 'Roles and permissions', crumbs }, body)
  })
}

const ROLE_SUMMARIES: Readonly<Record<Role, string>> = {
  member: 'Looks, and changes nothing:',
  engineer: 'All that a member may, and:',
  administrator: 'All that an engineer may, and:',
  operator: 'All that an administrator may, in every account, and:',
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
  member: 'Reads. Never sees a secret or a message.',
  engineer: 'Creates and changes keys, sources, destinations and feeds.',
  administrator: 'Everything in the account: people, sites, addresses too.',
  operator: 'Everything, in every account of this server.',
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
