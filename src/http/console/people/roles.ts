import { html } from 'hono/html'
import { may, PERMISSIONS, type Permission, ROLES } from '../../../domain/role.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { table } from '../parts/list.ts'
import { ABOVE_PEOPLE, PEOPLE } from './paths.ts'

/** In words. A permission that has none does not compile. */
const WORDS: Readonly<Record<Permission, string>> = {
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
  'audit.export': 'Take the audit along',
}

/** What each role may: the table that every page and the management API go by. */
export function mountRoles(area: Area): void {
  area.show(`${PEOPLE}/roles`, 'users.read', (visit) => {
    const body = html`<section class="card flush">${table({
      caption:
        'Each role may all that those to the left of it may. Operators may it in every account.',
      columns: [{ name: 'What' }, ...ROLES.map((role) => ({ name: role }))],
      rows: PERMISSIONS.map((permission) => [
        WORDS[permission],
        ...ROLES.map((role) =>
          may(role, permission) ? 'Yes' : html`<span class="soft">No</span>`,
        ),
      ]),
    })}</section>
    <p class="prose soft">Everybody looks after their own password, second factor and sessions. Nobody changes their own role, nor that of somebody above them. Only engineers and administrators own keys.</p>`
    const crumbs = ABOVE_PEOPLE
    return page(visit, { title: 'What each role may', crumbs }, body)
  })
}
