import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  canGrantRole,
  canManageUser,
  hasPermission,
  isServerPermission,
  PERMISSIONS,
  type Permission,
  ROLES,
  type Role,
  type UserWithRole,
} from '../../src/domain/role.ts'

/** M: member, E: engineer, A: administrator, O: operator. */
test('each role has the permissions of its column, and no others', () => {
  const formatRoleLetters = (permission: Permission) =>
    ROLES.map((role) =>
      hasPermission(role, permission) ? (role[0]?.toUpperCase() ?? '') : '-',
    ).join(' ')
  const table = PERMISSIONS.map(
    (permission) => `${permission.padEnd(26)} ${formatRoleLetters(permission)}`,
  )
  expect(`\n${table.join('\n')}\n`).toMatchInlineSnapshot(`
    "
    account.read               M E A O
    keys.read                  M E A O
    routes.read                M E A O
    messages.read              M E A O
    directory.read             M E A O
    users.read                 M E A O
    audit.read                 M E A O
    requests.explain           M E A O
    keys.write                 - E A O
    keys.view                  - E A O
    routes.write               - E A O
    messages.send              - E A O
    messages.open              - E A O
    account.write              - - A O
    keys.import                - - A O
    keys.export                - - A O
    directory.write            - - A O
    ip_allowlist.write         - - A O
    users.write                - - A O
    sunsets.write              - - A O
    destinations.mark_verified - - A O
    accounts.read              - - - O
    accounts.write             - - - O
    audit.verify               - - - O
    audit.accept               - - - O
    audit.export               - - - O
    "
  `)
})

test('a role that there is not may nothing', () => {
  for (const permission of PERMISSIONS)
    expect(hasPermission('root' as Role, permission)).toBe(false)
})

test('what is of the server as a whole is for operators alone', () => {
  const ofServer = PERMISSIONS.filter(isServerPermission)
  expect(ofServer).toContain('audit.export')
  for (const permission of ofServer) {
    expect(ROLES.filter((role) => hasPermission(role, permission))).toEqual(['operator'])
  }
})

const role = fc.constantFrom(...ROLES)
const testUser = fc.record({ id: fc.constantFrom('ann', 'bob', 'eve'), role })
/** A role is set by an actor who may manage the user and assign the role. */
const canSetRole = (actor: UserWithRole, user: UserWithRole, to: Role) =>
  canManageUser(actor, user) && canGrantRole(actor.role, to)
const getRank = (of: Role) => ROLES.indexOf(of)

test('no user can raise another above their own role, nor change a user with a higher role', () => {
  fc.assert(
    fc.property(testUser, testUser, role, (actor, user, to) => {
      if (!canSetRole(actor, user, to)) return
      expect(getRank(to)).toBeLessThanOrEqual(getRank(actor.role))
      expect(getRank(user.role)).toBeLessThanOrEqual(getRank(actor.role))
      expect(['administrator', 'operator']).toContain(actor.role)
    }),
  )
})

test('no user can change their own role or access', () => {
  fc.assert(
    fc.property(testUser, role, (me, to) => {
      expect(canSetRole(me, me, to)).toBe(false)
      expect(canManageUser(me, me)).toBe(false)
    }),
  )
})

/** No sequence of role changes by administrators makes an operator. */
test('administrators together make no operator', () => {
  const steps = fc.array(fc.tuple(fc.nat(2), fc.nat(2), role), { maxLength: 50 })
  fc.assert(
    fc.property(steps, (changes) => {
      const people: UserWithRole[] = ['ann', 'bob', 'eve'].map((id) => ({
        id,
        role: 'administrator',
      }))
      for (const [by, of, to] of changes) {
        const [actor, user] = [people[by], people[of]]
        if (actor === undefined || user === undefined || !canSetRole(actor, user, to)) continue
        people[of] = { ...user, role: to }
      }
      expect(people.filter((each) => each.role === 'operator')).toEqual([])
    }),
  )
})

test('an administrator gives every role but that of operator', () => {
  expect(ROLES.filter((to) => canGrantRole('administrator', to))).toEqual([
    'member',
    'engineer',
    'administrator',
  ])
  expect(ROLES.filter((to) => canGrantRole('operator', to))).toEqual(ROLES)
  expect(ROLES.filter((to) => canGrantRole('engineer', to))).toEqual([])
})
