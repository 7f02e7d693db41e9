import type { Role } from './key.ts'

/*
 * Who may do what, on every screen and with every verb of the management API. What a person does with
 * his own name, password, second factor and sessions needs none of these permissions.
 */

/** Each role may all that those above it in this table may, and its own. */
const ADDED_PERMISSIONS = {
  member: [
    // His account: its facts, its traffic, what is about to expire. Never a secret, never a payload.
    'account.read',
    'keys.read',
    'routes.read',
    'messages.read',
    'places.read',
    'users.read',
    'audit.read',
    'requests.explain',
  ],
  engineer: [
    // Create, edit, assign, disable, enable, rotate, revoke, delete.
    'keys.write',
    // A secret that was kept to be viewed again.
    'keys.view',
    // Sources, destinations, subscriptions: verify, pause, resume, empty a queue.
    'routes.write',
    // Replay, skip, send a test message.
    'messages.send',
    // The payload, which may be health data.
    'messages.open',
  ],
  administrator: [
    // What becomes of the keys of who leaves.
    'account.write',
    // Sites and developers.
    'places.write',
    // From where keys may be used.
    'addresses.write',
    // Add, invite, set the role, let leave; as far as maySetRole and mayManage say.
    'users.write',
    // Take a destination for verified on his own word.
    'destinations.vouch',
  ],
  operator: [
    // See all accounts at once, choose one, create, close and open one.
    'accounts.read',
    'accounts.write',
    // The chain is one for the whole server: it cannot be proven, or taken along, in part.
    'audit.verify',
    'audit.accept',
    'audit.export',
  ],
} as const satisfies Record<Role, readonly string[]>

/** From the one that may least to the one that may most. */
export const ROLES = Object.keys(ADDED_PERMISSIONS) as readonly Role[]

export type Permission = (typeof ADDED_PERMISSIONS)[Role][number]

export const PERMISSIONS: readonly Permission[] = ROLES.flatMap((role) => ADDED_PERMISSIONS[role])

const PERMISSIONS_BY_ROLE = new Map<Role, ReadonlySet<string>>(
  ROLES.map((role, n) => [
    role,
    new Set(ROLES.slice(0, n + 1).flatMap((each) => ADDED_PERMISSIONS[each])),
  ]),
)

export const hasPermission = (role: Role, permission: Permission): boolean =>
  PERMISSIONS_BY_ROLE.get(role)?.has(permission) === true

/** Of all accounts, not of one: done only where all are in sight. */
export const isServerPermission = (permission: Permission): boolean =>
  (ADDED_PERMISSIONS.operator as readonly Permission[]).includes(permission)

/** A user, as far as others may or may not change him. */
export interface UserWithRole {
  readonly id: string
  readonly role: Role
}

const getRank = (role: Role) => ROLES.indexOf(role)

/**
 * May `actor` change what lets this user in: his role, username, password, sessions, his leaving? Not
 * who is above him, for with a new password he would be him; and not himself, so that nobody shuts
 * himself out by a slip.
 */
export const canManageUser = (actor: UserWithRole, user: UserWithRole): boolean =>
  hasPermission(actor.role, 'users.write') &&
  actor.id !== user.id &&
  getRank(actor.role) >= getRank(user.role)

/** May `actor` give somebody this role? Nobody gives more than he has. */
export const canGrantRole = (actor: Role, role: Role): boolean =>
  hasPermission(actor, 'users.write') && getRank(actor) >= getRank(role)

/** Nobody changes his own role, nor that of who is above him, nor raises anybody above himself. */
export const canSetRole = (actor: UserWithRole, user: UserWithRole, to: Role): boolean =>
  canManageUser(actor, user) && canGrantRole(actor.role, to)
