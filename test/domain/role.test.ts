import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Role } from '../../src/domain/key.ts'
import {
  isOfServer,
  may,
  mayGrant,
  mayManage,
  maySetRole,
  PERMISSIONS,
  type Permission,
  type Person,
  ROLES,
} from '../../src/domain/role.ts'

/** M: member, E: engineer, A: administrator, O: operator. */
test('each role may what stands in its column, and nothing else', () => {
  const letters = (permission: Permission) =>
    ROLES.map((role) => (may(role, permission) ? (role[0]?.toUpperCase() ?? '') : '-')).join(' ')
  const table = PERMISSIONS.map((permission) => `${permission.padEnd(20)} ${letters(permission)}`)
  expect(`\n${table.join('\n')}\n`).toMatchInlineSnapshot(`
    "
    account.read         M E A O
    keys.read            M E A O
    routes.read          M E A O
    messages.read        M E A O
    places.read          M E A O
    users.read           M E A O
    audit.read           M E A O
    requests.explain     M E A O
    keys.write           - E A O
    keys.view            - E A O
    routes.write         - E A O
    messages.send        - E A O
    messages.open        - E A O
    account.write        - - A O
    places.write         - - A O
    addresses.write      - - A O
    users.write          - - A O
    destinations.vouch   - - A O
    accounts.read        - - - O
    accounts.write       - - - O
    audit.verify         - - - O
    audit.accept         - - - O
    audit.export         - - - O
    "
  `)
})

test('a role that there is not may nothing', () => {
  for (const permission of PERMISSIONS) expect(may('root' as Role, permission)).toBe(false)
})

test('what is of the server as a whole is for operators alone', () => {
  const ofServer = PERMISSIONS.filter(isOfServer)
  expect(ofServer).toContain('audit.export')
  for (const permission of ofServer) {
    expect(ROLES.filter((role) => may(role, permission))).toEqual(['operator'])
  }
})

const role = fc.constantFrom(...ROLES)
const person = fc.record({ id: fc.constantFrom('ann', 'bob', 'eve'), role })
const rankOf = (of: Role) => ROLES.indexOf(of)

test('nobody is raised above who raises him, and nobody changes who is above him', () => {
  fc.assert(
    fc.property(person, person, role, (actor, user, to) => {
      if (!maySetRole(actor, user, to)) return
      expect(rankOf(to)).toBeLessThanOrEqual(rankOf(actor.role))
      expect(rankOf(user.role)).toBeLessThanOrEqual(rankOf(actor.role))
      expect(['administrator', 'operator']).toContain(actor.role)
    }),
  )
})

test('nobody changes his own role, or what lets him in', () => {
  fc.assert(
    fc.property(person, role, (me, to) => {
      expect(maySetRole(me, me, to)).toBe(false)
      expect(mayManage(me, me)).toBe(false)
    }),
  )
})

/** However roles are given, one after another: who is no operator at first makes none. */
test('administrators together make no operator', () => {
  const steps = fc.array(fc.tuple(fc.nat(2), fc.nat(2), role), { maxLength: 50 })
  fc.assert(
    fc.property(steps, (changes) => {
      const people: Person[] = ['ann', 'bob', 'eve'].map((id) => ({ id, role: 'administrator' }))
      for (const [by, of, to] of changes) {
        const [actor, user] = [people[by], people[of]]
        if (actor === undefined || user === undefined || !maySetRole(actor, user, to)) continue
        people[of] = { ...user, role: to }
      }
      expect(people.filter((each) => each.role === 'operator')).toEqual([])
    }),
  )
})

test('an administrator gives every role but that of operator', () => {
  expect(ROLES.filter((to) => mayGrant('administrator', to))).toEqual([
    'member',
    'engineer',
    'administrator',
  ])
  expect(ROLES.filter((to) => mayGrant('operator', to))).toEqual(ROLES)
  expect(ROLES.filter((to) => mayGrant('engineer', to))).toEqual([])
})
