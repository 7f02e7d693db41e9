import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPermission, isServerPermission, ROLES } from '../../src/domain/role.ts'
import { readAllRows, toRowText } from '../support/database/data-folder.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { callToText, listServiceVerbs } from '../support/tenancy/service-calls.ts'
import { seedTenant, type Tenant } from '../support/tenancy/tenant.ts'

let server: TestServer
let tenant: Tenant

beforeAll(async () => {
  server = await createTestServer()
  tenant = await seedTenant(server)
})
afterAll(() => server.close())

const createRoleServices = (role: (typeof ROLES)[number]) =>
  server.servicesFor({ actor: tenant.memberId, role, accountId: tenant.accountId })

describe.each(ROLES)('%s', (role) => {
  test('is refused every verb that the role does not permit, and nothing is changed', async () => {
    const refused = listServiceVerbs(createRoleServices(role)).filter(
      ({ permission }) => !hasPermission(role, permission) || isServerPermission(permission),
    )
    const before = readAllRows(server.dir).map(toRowText)
    for (const { path, permission, call, listArguments } of refused) {
      for (const id of [tenant.keyId, tenant.accountId, tenant.memberId]) {
        const [args = []] = listArguments(id, tenant)
        const refusal = `Forbidden: this needs the permission ${permission}`
        expect(await callToText(call, args), path).toBe(refusal)
      }
    }
    expect(readAllRows(server.dir).map(toRowText)).toEqual(before)
  })

  test('is refused no other', async () => {
    const nobody = crypto.randomUUID()
    for (const { path, permission, call, listArguments } of listServiceVerbs(
      createRoleServices(role),
    )) {
      if (!hasPermission(role, permission) || isServerPermission(permission)) continue
      for (const args of listArguments(nobody, tenant)) {
        expect(await callToText(call, args), path).not.toContain('Forbidden')
      }
    }
  })

  test('has the permissions that the console shows', () => {
    const services = createRoleServices(role)
    expect(services.can('keys.read')).toBe(true)
    expect(services.can('keys.write')).toBe(role !== 'member')
    expect(services.can('accounts.write')).toBe(false)
  })
})

test('what each role is permitted first, verb by verb', () => {
  const first = new Map<string, string[]>(ROLES.map((role) => [role, []]))
  for (const { path, permission } of listServiceVerbs(createRoleServices('operator'))) {
    first.get(ROLES.find((role) => hasPermission(role, permission)) ?? '')?.push(path)
  }
  expect(
    Object.fromEntries([...first].map(([role, paths]) => [role, paths.sort().join(' ')])),
  ).toMatchInlineSnapshot(`
    {
      "administrator": "accounts.rename accounts.setOffboardingPolicy destinations.setVerified developers.add developers.delete developers.rename imports.addPepper imports.create imports.exportKeys imports.find imports.list imports.undo ipAllowlist.add ipAllowlist.delete ipAllowlist.setEnforced sites.add sites.delete sites.rename sunsets.cancel sunsets.set users.add users.deactivate users.delete users.invite users.resetSecondFactor users.setEmail users.setRole users.setUsername users.signOut",
      "engineer": "destinations.add destinations.delete destinations.rename destinations.setUrl destinations.setVerificationToken destinations.verify keys.assign keys.create keys.delete keys.disable keys.edit keys.enable keys.revoke keys.rotateSecret keys.testJwks keys.viewSecret messages.readPayload messages.replay messages.sendTest messages.skip sources.add sources.delete sources.rename subscriptions.create subscriptions.delete subscriptions.purgeQueue subscriptions.setStatus",
      "member": "accounts.find accounts.list audit.explain audit.findNames audit.findSubjectId audit.list dashboard.countKeysByType dashboard.findAttention dashboard.findSetupProgress dashboard.sumTraffic destinations.find destinations.list developers.countKeys developers.find developers.list imports.listUnseen ipAllowlist.list ipAllowlist.listSeenAddresses keys.count keys.find keys.list keys.listDailyUses keys.listDailyUsesByKey keys.search messages.find messages.list messages.listAttempts sites.countKeys sites.find sites.list sources.find sources.findKey sources.list subscriptions.find subscriptions.findTarget subscriptions.list sunsets.find sunsets.list sunsets.listKeys sunsets.plan users.countKeys users.find users.list users.listSignInStatus users.search",
      "operator": "accounts.create accounts.delete accounts.setStatus audit.acceptRestore audit.exportLines audit.verify users.inviteFirstOperator",
    }
  `)
})

test('only an operator can see all accounts', () => {
  for (const role of ROLES) {
    const openWithoutAccount = () =>
      server.servicesFor({ actor: tenant.memberId, role, accountId: null })
    if (role === 'operator') expect(openWithoutAccount().can('audit.export')).toBe(true)
    else expect(openWithoutAccount).toThrow('must have one account selected')
  }
})
