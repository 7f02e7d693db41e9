import type { Role } from '../../../domain/key.ts'
import { mayGrant, ROLES } from '../../../domain/role.ts'
import type { Refusal } from '../../../service/operator.ts'
import { choices } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'

const HINTS: Readonly<Record<Role, string>> = {
  member: 'Reads. Never sees a secret or a message.',
  engineer: 'Creates and changes keys, sources, destinations and feeds.',
  administrator: 'Everything in the account: people, sites, addresses too.',
  operator: 'Everything, in every account of this server.',
}

/** Up to one's own. */
export const roleChoices = (own: Role, value: string): Html =>
  choices({
    name: 'role',
    legend: 'Role',
    value,
    options: ROLES.filter((role) => mayGrant(own, role)).map((role) => ({
      value: role,
      text: role,
      hint: HINTS[role],
    })),
  })

/** Nothing is given to who is sent nothing. */
export const NO_ROLE: Refusal = { problem: 'invalid', message: 'choose a role' }

/** What was sent, if it is one. */
export const roleOf = (text: string): Role | undefined => ROLES.find((role) => role === text)
