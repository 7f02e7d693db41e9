import { html } from 'hono/html'
import type { Role } from '../../../domain/key.ts'
import { may, PERMISSIONS, type Permission, ROLES } from '../../../domain/role.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import type { Html } from '../parts/html.ts'
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
  'audit.accept': 'Accept a restored database, so that sealing resumes',
  'audit.export': 'Take the audit along',
}

/** What each role may, each with what it has beside the one before it: every page goes by it. */
export function mountRoles(area: Area): void {
  area.show(`${PEOPLE}/roles`, 'users.read', (visit) => {
    const body = html`<section class="card flush">${ROLES.map(rung)}</section>
    <p class="prose soft">Everybody looks after their own password, second factor and sessions. Nobody changes their own role, nor that of somebody above them. Only engineers and administrators own keys.</p>`
    const crumbs = ABOVE_PEOPLE
    return page(visit, { title: 'What each role may', crumbs }, body)
  })
}

const BESIDE: Readonly<Record<Role, string>> = {
  member: 'Looks, and changes nothing:',
  engineer: 'All that a member may, and:',
  administrator: 'All that an engineer may, and:',
  operator: 'All that an administrator may, in every account, and:',
}

function rung(role: Role, n: number): Html {
  const below = ROLES[n - 1]
  const added = PERMISSIONS.filter(
    (each) => may(role, each) && (below === undefined || !may(below, each)),
  )
  return html`<div class="rung"><div class="stack tight"><h2>${role}</h2><p class="soft small">${BESIDE[role]}</p></div>
    <ul>${added.map((each) => html`<li>${WORDS[each]}</li>`)}</ul></div>`
}
