export type Role = 'operator' | 'administrator' | 'engineer' | 'member'

/*
 * The permissions of each role, for the console and the management API. Users need none of them to
 * manage their own name, password, second factor and sessions.
 */

/** Each role has the permissions of all roles above it in this table, and its own. */
const ADDED_PERMISSIONS = {
  member: [
    // The account: its facts, its traffic, its expiring keys. Never a secret, never a payload.
    'account.read',
    'keys.read',
    'routes.read',
    'messages.read',
    'directory.read',
    'users.read',
    'audit.read',
    'requests.explain',
  ],
  engineer: [
    // Create, edit, assign, disable, enable, rotate, revoke and delete keys.
    'keys.write',
    // View a stored secret again.
    'keys.view',
    // Sources, destinations and subscriptions: verify, pause, resume, purge a queue.
    'routes.write',
    // Replay and skip messages, and send a test message.
    'messages.send',
    // Read payloads, which may be health data.
    'messages.open',
  ],
  administrator: [
    // Set what happens to the keys of deactivated users.
    'account.write',
    // Import keys, undo imports, and export keys.
    'keys.import',
    'keys.export',
    // Sites and developers.
    'directory.write',
    // Manage the IP allowlist.
    'ip_allowlist.write',
    // Add, invite and deactivate users and set their role, within `canGrantRole` and `canManageUser`.
    'users.write',
    // Plan the retirement of keys.
    'sunsets.write',
    // Mark a destination as verified by hand.
    'destinations.mark_verified',
  ],
  operator: [
    // See all accounts at once; choose, create, close and open an account.
    'accounts.read',
    'accounts.write',
    // The audit chain covers the whole server, so one account's part cannot be verified or exported
    // alone.
    'audit.verify',
    'audit.accept',
    'audit.export',
  ],
} as const satisfies Record<Role, readonly string[]>

/** All roles, from the fewest permissions to the most. */
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

export const listRolePermissions = (role: Role): readonly Permission[] =>
  PERMISSIONS.filter((permission) => hasPermission(role, permission))

/** The roles that can own a key. */
export const KEY_HOLDER_ROLES: readonly Role[] = ['administrator', 'engineer']

export const canHoldKeys = (role: Role): boolean => KEY_HOLDER_ROLES.includes(role)

/** True for a permission that covers all accounts. It applies only without an account scope. */
export const isServerPermission = (permission: Permission): boolean =>
  (ADDED_PERMISSIONS.operator as readonly Permission[]).includes(permission)

/** The properties of a user that decide who can manage them. */
export interface UserWithRole {
  readonly id: string
  readonly role: Role
}

const getRank = (role: Role) => ROLES.indexOf(role)

/**
 * True if the actor may change the user's role, username, password, sessions or deactivation. Users of
 * a higher role are excluded, because a new password would give the actor that role. The actor is
 * excluded, so that they cannot lock themselves out by mistake.
 */
export const canManageUser = (actor: UserWithRole, user: UserWithRole): boolean =>
  hasPermission(actor.role, 'users.write') &&
  actor.id !== user.id &&
  getRank(actor.role) >= getRank(user.role)

/** True if the actor may assign this role. Nobody assigns a role above their own. */
export const canGrantRole = (actor: Role, role: Role): boolean =>
  hasPermission(actor, 'users.write') && getRank(actor) >= getRank(role)
